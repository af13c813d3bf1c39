"""The city as data: divisions, departments, duties, matters, plans, working time, places.

A *city pack* is a folder of TOML, CSV and GeoJSON. ``pack.load`` reads one, checks everything and
gives a frozen ``City``; ``pack.check`` names file, line and remedy of each fault. Nothing here
knows any city, and nothing above ``facts`` is imported.
"""

DEFAULT_BASIS = "default, to be set by the city"
"""What a pack says of anything that no verified source stands behind."""
