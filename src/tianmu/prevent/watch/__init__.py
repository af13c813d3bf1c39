"""Process watch: its step, its commits, its restart."""
