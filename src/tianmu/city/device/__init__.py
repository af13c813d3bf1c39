"""What the city senses with, and what it asks of anomaly detection."""
