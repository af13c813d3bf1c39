"""Rules at work: compiled to flat tables, run over batches and by the clock, tried on history."""
