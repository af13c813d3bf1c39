"""A scenario's folder: found, read, fitted to a city; its network laid, its judgements kept."""
