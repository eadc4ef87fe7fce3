"""Completeness: compares what rollup read and counted with what the sinks stored, exact to the single record."""
