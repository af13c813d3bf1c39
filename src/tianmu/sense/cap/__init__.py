"""Warnings of other bodies: CAP 1.2 at a door and from feeds, verified, kept while they hold."""
