"""HJ 212: pollutant online monitoring, editions 2005, 2017 and 2025, over TCP."""
