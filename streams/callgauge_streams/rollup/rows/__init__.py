"""From sums over slots to the rows that are sent."""
