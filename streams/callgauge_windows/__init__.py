"""What a row is: grouping sets and series ids, exponential histograms, and totals that rows add up to. No I/O."""
