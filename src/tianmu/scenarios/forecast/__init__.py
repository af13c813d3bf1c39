"""Forecasts with bands, on files."""
