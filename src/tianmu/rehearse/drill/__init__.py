"""Drills: a script played in a fresh city whose clock it moves."""
