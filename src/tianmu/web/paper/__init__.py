"""The city's paper and its letters."""
