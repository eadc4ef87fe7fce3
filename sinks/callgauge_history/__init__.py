"""ClickHouse: the connection to the store, its schema and migrations, and the ways to query it."""
