"""Forecasts that scenarios ask for: which, made, kept, told as alarms, and judged by what came."""
