-- What each user used in each hour, of calls of models: a user's month, or the users of a month, without reading its calls.
-- Derived from the calls as the tiers are from the windows; `version` is the number of calls.

ALTER TABLE calls ADD COLUMN IF NOT EXISTS stored_at DateTime MATERIALIZED now() COMMENT 'by the clock of the store';

ALTER TABLE calls ADD INDEX IF NOT EXISTS stored_at stored_at TYPE minmax GRANULARITY 1;

ALTER TABLE calls MATERIALIZE COLUMN stored_at;

CREATE TABLE IF NOT EXISTS usage (
    user_id String,
    hour DateTime('UTC'),
    service LowCardinality(String),
    environment LowCardinality(String),
    feature LowCardinality(String),
    endpoint LowCardinality(String),
    provider LowCardinality(String),
    model LowCardinality(String),
    calls Int64,
    errors Int64,
    input_tokens Int64,
    output_tokens Int64,
    cost_nano Int64,
    version UInt64
) ENGINE = ReplacingMergeTree(version)
PARTITION BY toYYYYMM(hour)
ORDER BY (user_id, hour, service, environment, feature, endpoint, provider, model);
