"""The console: an HTTP API over the history and the alerts, and the web page on top of it."""
