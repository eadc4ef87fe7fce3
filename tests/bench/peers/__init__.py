"""One rollup worker beside its peers, on one topic, on one core each: `make bench-peers`.

Each reader is a program of its own (`python -m tests.bench.peers.<name>`) that only needs its own environment; `run`
starts them one after the other and compares what they needed. All do the same job with their own means: decode the
JSON of a call, and per series and tumbling window of 10 s of event time (the end of the call) count calls and errors,
sum tokens, cost and latency, and keep the latency in a form that percentiles can be read from (Flink SQL alone does
not). This is done at 80 series, (service, model), and at 10,000, (service, feature, provider, model).

A rate on a machine that does other things as well is noise; CPU seconds per million events hold better. Readers in a
JVM are not measured while they read the first third of the topic: until then their code is being compiled.

What none of the peers does and callgauge does: five grouping sets, all fields of a call with their bounds checked,
duplicates by event id, dead letters, late events counted, and results that a crash cannot change.
"""
