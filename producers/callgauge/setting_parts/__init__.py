"""The settings, part by part: name, default, bounds, meaning. `callgauge.settings` puts them together."""
