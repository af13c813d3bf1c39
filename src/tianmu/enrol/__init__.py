"""Registering devices from a file: read it in pieces, say every fault by row, send, go on.

Nothing of the city is imported here: the file is read, and the city is spoken to over HTTP.
"""
