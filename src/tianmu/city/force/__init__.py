"""What can be sent and what stands ready."""
