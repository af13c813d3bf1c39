"""Load for measurements: bytes that are patched and not built, publishers, floods."""
