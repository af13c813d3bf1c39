"""Who is there: absences, shifts handed over and taken."""
