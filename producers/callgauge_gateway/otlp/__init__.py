"""OpenTelemetry's protocol: exports of spans and log records as protobuf and as JSON, and its answers."""
