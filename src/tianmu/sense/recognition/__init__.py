"""Events of cameras' recognition: with picture, box and confidence."""
