"""How grave a case is, who answers for it, and what the plan then starts."""
