"""Routes of scenarios, of things that they watch, and of forecasts."""
