"""How a city is filled to be tried, and a day of it with recorded truth."""
