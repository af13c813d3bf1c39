"""Makers of what no free data exist for: areas, grids, streets, people; marked as made."""
