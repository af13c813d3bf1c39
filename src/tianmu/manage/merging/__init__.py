"""One thing is one case: signals of the same, joined with reasons and parted without loss."""
