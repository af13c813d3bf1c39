"""Vector tiles of the devices."""
