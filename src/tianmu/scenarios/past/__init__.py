"""A past of which it is known what happened: a model replayed on it, a scenario's alarms judged."""
