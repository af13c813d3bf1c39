"""The one place where the parts are put together: settings, processes, supervision."""
