"""The open cases in memory, and the work of one transaction on them: what came in, what was
decided, which clocks have run, and who is called by it."""
