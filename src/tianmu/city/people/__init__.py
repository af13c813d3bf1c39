"""Who: departments, what each answers for, who is on duty and how they are reached."""
