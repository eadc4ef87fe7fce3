"""Budgets: what a user, feature, service or environment may spend in a day, week or month, and what it has spent."""
