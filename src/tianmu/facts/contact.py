"""What is said of contact ladders between rooms."""

from __future__ import annotations

EXHAUSTED = "contact_exhausted"
"""rule code of the platform's own alarm: ladders are at their end and nobody has answered"""
LADDERS = "contacts"
"""what that alarm is about"""
UNREACHED = "contact.unreached"
"""verb of the deed by which it begins, changes and ends: ``data.count`` cases"""
