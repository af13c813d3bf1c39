"""Observations over HTTP: JSON, NDJSON, Arrow."""
