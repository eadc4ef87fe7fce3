-- Codecs chosen by measurement (`python -m tests.bench.disk` prints what each column takes), and indexes by which a trace,
-- a call or a user is found without reading every call. They hold for what is stored from now on, and after merges.

ALTER TABLE calls
    MODIFY COLUMN event_id CODEC(ZSTD(1)),
    MODIFY COLUMN trace_id CODEC(ZSTD(1)),
    MODIFY COLUMN span_id CODEC(ZSTD(1)),
    MODIFY COLUMN parent_span_id CODEC(ZSTD(1)),
    MODIFY COLUMN user_id CODEC(ZSTD(1)),
    MODIFY COLUMN session_id CODEC(ZSTD(1)),
    MODIFY COLUMN prompt_hash CODEC(ZSTD(1)),
    MODIFY COLUMN error_message CODEC(ZSTD(1)),
    MODIFY COLUMN tags CODEC(ZSTD(1)),
    MODIFY COLUMN ts CODEC(Delta, ZSTD(1)),
    MODIFY COLUMN event_time CODEC(T64, ZSTD(1)),
    MODIFY COLUMN event_time_ms CODEC(T64, ZSTD(1)),
    MODIFY COLUMN latency_ms CODEC(Gorilla, ZSTD(1)),
    MODIFY COLUMN time_to_first_token_ms CODEC(Gorilla, ZSTD(1)),
    MODIFY COLUMN latency_us CODEC(T64, ZSTD(1)),
    MODIFY COLUMN cost_usd CODEC(ZSTD(1)),
    MODIFY COLUMN cost_nano CODEC(ZSTD(1)),
    MODIFY COLUMN input_tokens CODEC(T64, ZSTD(1)),
    MODIFY COLUMN output_tokens CODEC(T64, ZSTD(1)),
    MODIFY COLUMN cache_read_tokens CODEC(T64, ZSTD(1)),
    MODIFY COLUMN cache_write_tokens CODEC(T64, ZSTD(1)),
    MODIFY COLUMN reasoning_tokens CODEC(T64, ZSTD(1)),
    MODIFY COLUMN response_chars CODEC(T64, ZSTD(1)),
    MODIFY COLUMN retry_count CODEC(T64, ZSTD(1)),
    MODIFY COLUMN rate_limit_limit_requests CODEC(T64, ZSTD(1)),
    MODIFY COLUMN rate_limit_remaining_requests CODEC(T64, ZSTD(1)),
    MODIFY COLUMN rate_limit_limit_tokens CODEC(T64, ZSTD(1)),
    MODIFY COLUMN rate_limit_remaining_tokens CODEC(T64, ZSTD(1)),
    MODIFY COLUMN kafka_offset CODEC(DoubleDelta, ZSTD(1)),
    MODIFY COLUMN version CODEC(ZSTD(1)),
    MODIFY COLUMN stored_at CODEC(T64, ZSTD(1));

ALTER TABLE calls ADD INDEX IF NOT EXISTS trace_id trace_id TYPE bloom_filter(0.01) GRANULARITY 1;

ALTER TABLE calls ADD INDEX IF NOT EXISTS event_id event_id TYPE bloom_filter(0.01) GRANULARITY 1;

ALTER TABLE calls ADD INDEX IF NOT EXISTS user_id user_id TYPE bloom_filter(0.01) GRANULARITY 1;

ALTER TABLE calls ADD INDEX IF NOT EXISTS event_time event_time TYPE minmax GRANULARITY 1;

ALTER TABLE calls MATERIALIZE INDEX trace_id;

ALTER TABLE calls MATERIALIZE INDEX event_id;

ALTER TABLE calls MATERIALIZE INDEX user_id;

ALTER TABLE calls MATERIALIZE INDEX event_time;
