"""Scenarios 场景: folders that watch one danger each, and the contract by which they are read."""
