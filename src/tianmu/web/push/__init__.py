"""Live push: facts as events, who listens, how far they have heard."""
