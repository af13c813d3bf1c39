"""Space: divisions and their names, cells, ground, water, and what stands where."""
