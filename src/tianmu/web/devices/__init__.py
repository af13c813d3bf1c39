"""Which devices speak, what is usual of them, and files of many that are to be registered."""
