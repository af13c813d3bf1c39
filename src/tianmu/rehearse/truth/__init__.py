"""What truly happens in a seeded city, which devices show it, who tells of it and how."""
