"""Before harm: rules judged into alarms, what is unusual, forecasts, causes, warnings."""
