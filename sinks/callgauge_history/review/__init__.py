"""The weekly review: a week against the one before, as facts, text, page and plots."""
