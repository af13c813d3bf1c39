"""What travels between rooms: frozen records and column batches, with their journal encoding.

Nothing of ours is imported here. A fact checks itself and says nothing else.

Times are ``int`` microseconds since 1970-01-01T00:00:00Z unless a name says otherwise;
coordinates are degrees in CGCS2000 / WGS 84 (EPSG:4490 / EPSG:4326), longitude first.
"""
