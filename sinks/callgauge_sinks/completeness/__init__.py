"""Completeness: what was read, counted and stored, compared to the record."""
