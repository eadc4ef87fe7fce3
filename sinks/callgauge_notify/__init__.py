"""Notifiers: from alerts on the bus to the channels that people look at."""
