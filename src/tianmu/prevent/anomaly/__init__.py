"""How unusual a value is for its own stream, learnt in one pass without training."""
