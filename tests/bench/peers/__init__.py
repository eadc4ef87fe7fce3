"""One rollup worker beside its peers, on one topic, on one core each: `make bench-peers`.

Each reader is a program of its own (`python -m tests.bench.peers.<name>`) that only needs its own environment; `run`
starts them one after the other and compares what they needed. All do the same job with their own means: decode the
JSON of a call, and per (service, model) and tumbling window of 10 s of event time (the end of the call) count calls and
errors, sum tokens, cost and latency, and keep the latency in a form that percentiles can be read from.

A rate on a machine that does other things as well is noise; CPU seconds per million events hold better.

What none of the peers does and callgauge does: five grouping sets, all fields of a call with their bounds checked,
duplicates by event id, dead letters, late events counted, and results that a crash cannot change.
"""
