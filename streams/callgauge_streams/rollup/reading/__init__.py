"""From the bytes of a micro-batch to columns of integers and codes."""
