"""Routes of what people tell."""
