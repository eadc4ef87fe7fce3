"""Reads a topic as a member of a consumer group: takes batches, commits safely, runs threads until a signal."""
