"""The feed: a city of devices and people that plays for ever, and what the city missed of it."""
