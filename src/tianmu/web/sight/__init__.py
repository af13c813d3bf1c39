"""Who may see what, who saw it, and what of it leaves the city."""
