"""Coarser copies of the windows (1 m, 1 h, 1 d): what they hold, how they are derived, and which of them answers."""
