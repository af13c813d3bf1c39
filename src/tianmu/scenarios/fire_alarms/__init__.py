"""Fire alarms: how likely each is real, and what is known of the building that it comes from."""
