"""Routes of devices: what they measure, what is unusual, what gate could not place."""
