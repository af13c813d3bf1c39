"""What a datastream will measure, with bands that its own past errors have earned."""
