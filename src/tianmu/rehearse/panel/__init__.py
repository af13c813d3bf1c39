"""Fire panels with their transmission device, written apart from the codec of the city."""
