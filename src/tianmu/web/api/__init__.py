"""The HTTP API: rooms with a file per noun. Each route says what it needs and what it gives."""
