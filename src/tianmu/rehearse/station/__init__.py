"""Data loggers of monitoring stations, written apart from the codec of the city."""
