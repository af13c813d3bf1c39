"""What a route is: who may, what it takes and gives; deeds sent again; turns at what is dear."""
