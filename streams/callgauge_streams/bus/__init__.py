"""Between Kafka and Faust: fetching in micro-batches, blocks, takeover, sending, committing."""
