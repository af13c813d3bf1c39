"""Peers: other projects that do a part of what a city does, run beside it on the same input.

Each is installed on demand into a folder of its own, never shipped and never imported by us; a
file here knows one of them. ``contract.py`` says what such a file holds.
"""
