"""The city over HTTP: API, live push, map tiles, the files of the UI. Runs inside hub."""
