"""What comes in: connectors, each a protocol, and the one door to the journal."""
