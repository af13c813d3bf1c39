"""A signal – one alarm or one report –, and which open case it belongs to, with reasons."""
