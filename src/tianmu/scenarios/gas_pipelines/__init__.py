"""Gas pipelines 燃气管网: what the network should show, and where it leaks."""
