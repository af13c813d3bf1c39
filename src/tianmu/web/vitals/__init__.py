"""The vital signs of the city."""
