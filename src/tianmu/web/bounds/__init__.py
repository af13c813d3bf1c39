"""How often one may ask, and how much of the past."""
