"""The engine of streaming anomaly detection, to be run on a file."""
