"""Limits over the city's working time: reckoned, told in words, and what happens as they run."""
