"""A past by arithmetic: what it holds, built into a city, and asked about."""
