"""Sinks: store topics in ClickHouse, pass on what cannot be read (dead letters), check that everything is stored."""
