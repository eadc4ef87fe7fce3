"""Comparisons of two groups, pure: one method a file, with its formula and source. SciPy where it has it."""
