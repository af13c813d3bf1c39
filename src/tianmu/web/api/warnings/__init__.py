"""Routes of warnings: ours, proposed ones, those of other bodies."""
