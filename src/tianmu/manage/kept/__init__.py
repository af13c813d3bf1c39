"""How cases are kept and found again: tables that follow from the events, questions to them."""
