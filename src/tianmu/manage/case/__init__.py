"""What a case is: its events, and what they add up to."""
