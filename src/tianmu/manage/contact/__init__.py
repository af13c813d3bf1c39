"""Contact ladders: who is called about a case, and who after them when nobody answers."""
