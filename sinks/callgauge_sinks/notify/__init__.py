"""Notifiers: consumers of the alerts topic that tell people."""
