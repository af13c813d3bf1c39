"""The probe: a marked fire and a marked complaint that are followed to the closed case."""
