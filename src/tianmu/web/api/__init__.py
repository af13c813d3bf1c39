"""The HTTP API, a file per noun. Each route says what permission it needs and what it gives."""
