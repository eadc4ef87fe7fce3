"""Reads the alerts and what people did with them, and writes what somebody does. For all who act."""
