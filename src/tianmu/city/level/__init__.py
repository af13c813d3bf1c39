"""How grave it is, and what that starts: levels, grading, plans, warnings."""
