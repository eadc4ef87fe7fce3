"""The history evaluator: judges against ClickHouse the rules and budgets that the stream cannot hold."""
