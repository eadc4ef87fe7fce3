"""The whole of rollup without Kafka: a simulated log and group, the real worker, and readers of what it sends."""
