"""Routes of alarms, of what causes them, and of the rules behind them."""
