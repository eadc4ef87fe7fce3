"""Sinks: from the bus to ClickHouse, dead letters, and whether everything is there."""
