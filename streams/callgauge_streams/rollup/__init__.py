"""Rollup: a Faust app that turns calls and scores into rows of windows."""
