"""Experiments: two variants compared by a score, with errors, cost and latency beside it."""
