"""The wire types, a file for each kind of message. `callgauge.schema` puts them together."""
