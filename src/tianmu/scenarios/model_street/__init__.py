"""The model street: what cameras recognise, watched until it stands."""
