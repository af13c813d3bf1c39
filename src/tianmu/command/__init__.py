"""command (融合通信): what goes out to people and to departments' own systems, fed by facts."""
