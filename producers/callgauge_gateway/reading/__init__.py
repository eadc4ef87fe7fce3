"""From the bytes of a request to single events, within limits. Pure."""
