"""Asking the past: what it costs, series for charts, tables as files."""
