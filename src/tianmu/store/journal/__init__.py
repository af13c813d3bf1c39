"""The journal: every fact, appended once, read by each reader from its own position."""
