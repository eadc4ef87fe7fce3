"""Dead letters, looked at and sent again: which there are, which are chosen, and what is sent for each."""
