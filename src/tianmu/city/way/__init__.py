"""Ways: the streets, how long one takes over them, how far one gets."""
