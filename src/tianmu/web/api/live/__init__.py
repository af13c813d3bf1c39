"""Routes of what is live: push, tiles, vital signs, metrics."""
