"""Pure: which alerts are told together and when, each state once; what is inhibited or muted. The clock is given."""
