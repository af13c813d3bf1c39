"""Facts on disk, and what is made of them: the journal, the registry, what is now, the past."""
