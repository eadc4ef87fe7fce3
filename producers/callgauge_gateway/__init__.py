"""The gateway: calls, scores and marks from anything that speaks HTTP, OTLP or LiteLLM, onto the bus."""
