"""Made-up services and their calls: pure functions of a seed, shaped after public data sets (figures.json)."""
