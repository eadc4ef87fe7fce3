"""Notifiers: deliver alerts from the bus to channels that people look at, such as a console or a webhook."""
