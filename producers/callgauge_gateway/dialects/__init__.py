"""What other emitters say, and the call it becomes: a table for each dialect, and pure functions."""
