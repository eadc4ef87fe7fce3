"""The quality worker: contents and calls in, heuristic scores out."""
