"""Who is sent: units, where they are, which of them to which case."""
