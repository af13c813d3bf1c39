"""What people may do to a case, from which stages, by whom, and how often."""
