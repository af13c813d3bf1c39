"""The ledger of hazards: found, checked in their periods, put right and signed off by another."""
