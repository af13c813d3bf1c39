"""Routes of the hazard ledger."""
