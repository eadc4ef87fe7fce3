"""What rules say: the rule file, the aggregates it may name, and the life of an alert. No I/O but reading the file."""
