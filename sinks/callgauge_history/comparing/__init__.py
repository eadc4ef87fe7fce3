"""Two selections of calls against each other: errors, cost, latency, tokens and scores."""
