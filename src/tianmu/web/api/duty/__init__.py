"""Routes of who is on duty: shifts, absences, hand-overs, and who is called."""
