"""Observations from a broker of MQTT 3.1.1 or 5."""
