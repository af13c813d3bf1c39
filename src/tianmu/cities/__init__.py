"""City packs that come with the program: data, found by name (``city.pack.load``)."""

DEFAULT = "liyang"
"""the pack taken where none is named"""
