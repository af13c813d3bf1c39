"""What speaks to a city from the field: lines, gateways, recorded air, cameras of a street."""
