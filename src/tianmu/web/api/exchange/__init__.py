"""Routes of other systems: what they send, are told, and work on."""
