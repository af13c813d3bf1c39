"""What may be wrong: the catalogue of matters, and hazards kept in a ledger."""
