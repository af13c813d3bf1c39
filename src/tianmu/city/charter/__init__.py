"""What the city settles for itself: the sections of ``city.toml``, and its weights."""
