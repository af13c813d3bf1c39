"""Routes of cases: lists, one whole, steps, files, on paper, command rooms."""
