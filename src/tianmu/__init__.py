"""Tianmu (天目): one network runs the city."""

__version__ = "0.1.0"
