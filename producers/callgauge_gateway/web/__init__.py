"""The gateway's HTTP: requests in, answers out. What they mean is decided elsewhere."""
