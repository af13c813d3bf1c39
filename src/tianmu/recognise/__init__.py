"""A recogniser: frames of a camera through a model that the city supplies, events to its door."""
