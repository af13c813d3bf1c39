"""Cases that are one thing put together, with reasons, and taken apart without loss."""
