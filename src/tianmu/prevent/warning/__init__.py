"""Warnings (预警): drafted, confirmed by a second person, published as CAP 1.2."""
