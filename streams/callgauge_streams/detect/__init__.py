"""Detect: a Faust app that judges windows by rules and tells of alerts."""
