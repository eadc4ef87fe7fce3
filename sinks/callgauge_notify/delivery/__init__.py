"""Delivers notices: a queue and a thread for each receiver, attempts, dead letters, and the memory of what was told."""
