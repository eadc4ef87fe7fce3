"""ClickHouse: the store, its schema and migrations, and the questions asked of it."""
