-- Prompts and answers, of services that want them stored. They were redacted and cut before they left the service. Their
-- time to live is the setting CALLGAUGE_CONTENT_DAYS, which the sinks put in force when they start.

CREATE TABLE IF NOT EXISTS content (
    event_id String COMMENT 'the call',
    trace_id String,
    ts DateTime64(3, 'UTC') COMMENT 'start of the call',
    service LowCardinality(String),
    labels Map(LowCardinality(String), String) COMMENT 'of the call',
    prompt String COMMENT 'text, or the JSON of messages' CODEC(ZSTD(3)),
    response String CODEC(ZSTD(3)),
    sample_rate Float64 COMMENT 'share of traces that are stored: each row stands for 1 / sample_rate',
    redactions Map(LowCardinality(String), UInt64) COMMENT 'how often each kind was replaced',
    prompt_chars UInt64 COMMENT 'before it was redacted and cut',
    response_chars UInt64,
    prompt_truncated Bool,
    response_truncated Bool,
    schema_version UInt16,
    appended_at DateTime64(3, 'UTC') COMMENT 'by the clock of the bus: what the time to live goes by'
) ENGINE = ReplacingMergeTree
PARTITION BY toYYYYMMDD(appended_at)
ORDER BY (service, event_id)
TTL toDateTime(appended_at) + INTERVAL 7 DAY
SETTINGS ttl_only_drop_parts = 1;
