"""Routes of the city, its pack and its plans."""
