"""Who is told of which alert: the routes file, its matchers, mute times and receivers, and the catalogue of owners."""
