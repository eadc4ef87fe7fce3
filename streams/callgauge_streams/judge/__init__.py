"""The judge worker: a sample of the answers goes to a model that grades them; grades come out as scores."""
