"""Playing a city from outside: the feed, the probe, drills, measurements."""
