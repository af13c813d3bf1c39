"""A city as rehearsal sees it: its API, its push, its clock, and what is put into it beforehand."""
