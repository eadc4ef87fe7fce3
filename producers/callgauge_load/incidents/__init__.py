"""Incidents with known truth: what goes wrong, when, for which calls, and what an engineer should be told."""
