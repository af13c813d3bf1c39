"""A case: its events, what they add up to, the tables made of them, and how they are asked for."""
