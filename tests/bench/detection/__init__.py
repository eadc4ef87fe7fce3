"""Detection judged on incidents with known truth."""
