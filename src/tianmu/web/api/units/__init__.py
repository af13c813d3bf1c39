"""Routes of units, of what is near a place, and of phones in the field."""
