"""Alarms: their state machine, what is open, what persons do to them, how many come at once."""
