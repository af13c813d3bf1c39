"""City packs that come with the program: data, found by name (``city.pack.load``)."""
