"""Marks of changes: what was marked, and what was measured before and after."""
