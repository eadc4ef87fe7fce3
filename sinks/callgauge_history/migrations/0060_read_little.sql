-- What lets a question read little: counts of each grouping set, so that one is chosen without reading its rows; on which
-- days a trace lies; what each user used in a day; and tiers that are merged to one part once nothing changes in them.

CREATE TABLE IF NOT EXISTS window_counts_1m (
    grouping LowCardinality(String),
    window_start DateTime64(3, 'UTC') COMMENT 'of the rows that were counted' CODEC(Delta, ZSTD(1)),
    series Int64 COMMENT 'rows that hold something' CODEC(T64, ZSTD(1)),
    n Int64 COMMENT 'what they add up to, without steps of traces' CODEC(T64, ZSTD(1)),
    folded Map(LowCardinality(String), Int64) COMMENT 'label -> n of the series in which its values were folded' CODEC(ZSTD(1)),
    version UInt64 CODEC(ZSTD(1))
) ENGINE = ReplacingMergeTree(version)
PARTITION BY toYYYYMM(window_start)
ORDER BY (grouping, window_start);

CREATE TABLE IF NOT EXISTS window_counts_1h (
    grouping LowCardinality(String),
    window_start DateTime64(3, 'UTC') COMMENT 'of the rows that were counted' CODEC(Delta, ZSTD(1)),
    series Int64 COMMENT 'rows that hold something' CODEC(T64, ZSTD(1)),
    n Int64 COMMENT 'what they add up to, without steps of traces' CODEC(T64, ZSTD(1)),
    folded Map(LowCardinality(String), Int64) COMMENT 'label -> n of the series in which its values were folded' CODEC(ZSTD(1)),
    version UInt64 CODEC(ZSTD(1))
) ENGINE = ReplacingMergeTree(version)
PARTITION BY toYYYYMM(window_start)
ORDER BY (grouping, window_start);

CREATE TABLE IF NOT EXISTS window_counts_1d (
    grouping LowCardinality(String),
    window_start DateTime64(3, 'UTC') COMMENT 'of the rows that were counted' CODEC(Delta, ZSTD(1)),
    series Int64 COMMENT 'rows that hold something' CODEC(T64, ZSTD(1)),
    n Int64 COMMENT 'what they add up to, without steps of traces' CODEC(T64, ZSTD(1)),
    folded Map(LowCardinality(String), Int64) COMMENT 'label -> n of the series in which its values were folded' CODEC(ZSTD(1)),
    version UInt64 CODEC(ZSTD(1))
) ENGINE = ReplacingMergeTree(version)
PARTITION BY toYYYYMM(window_start)
ORDER BY (grouping, window_start);

-- Filled by the view below whenever calls are stored. A call that comes again replaces its row; a row whose calls are gone
-- finds nothing.
CREATE TABLE IF NOT EXISTS trace_days (
    trace UInt64 COMMENT 'sipHash64 of the trace_id' CODEC(Delta, ZSTD(1)),
    day Date COMMENT 'of the event_time of some of its calls' CODEC(T64, ZSTD(1))
) ENGINE = ReplacingMergeTree
PARTITION BY toYYYYMM(day)
ORDER BY (trace, day)
SETTINGS index_granularity = 1024;

CREATE MATERIALIZED VIEW IF NOT EXISTS trace_days_of_calls TO trace_days AS
SELECT sipHash64(trace_id) AS trace, toDate(event_time) AS day FROM calls WHERE trace_id != '';

-- when: SELECT count() > 0 FROM calls
INSERT INTO trace_days SELECT DISTINCT sipHash64(trace_id), toDate(event_time) FROM calls WHERE trace_id != '';

-- In parts of a day each, instead of a month, so that a few hours of all users are not looked for in all of it.
CREATE TABLE IF NOT EXISTS usage_1h (
    user_id String CODEC(ZSTD(1)),
    hour DateTime('UTC') CODEC(T64, ZSTD(1)),
    service LowCardinality(String),
    environment LowCardinality(String),
    feature LowCardinality(String),
    endpoint LowCardinality(String),
    provider LowCardinality(String),
    model LowCardinality(String),
    calls Int64 CODEC(T64, ZSTD(1)),
    errors Int64 CODEC(T64, ZSTD(1)),
    input_tokens Int64 CODEC(T64, ZSTD(1)),
    output_tokens Int64 CODEC(T64, ZSTD(1)),
    cost_nano Int64 CODEC(T64, ZSTD(1)),
    version UInt64 CODEC(T64, ZSTD(1))
) ENGINE = ReplacingMergeTree(version)
PARTITION BY toYYYYMMDD(hour)
ORDER BY (user_id, hour, service, environment, feature, endpoint, provider, model);

-- when: SELECT count() FROM system.tables WHERE database = currentDatabase() AND name = 'usage'
INSERT INTO usage_1h SELECT * FROM usage SETTINGS max_partitions_per_insert_block = 0;

-- when: SELECT count() FROM system.tables WHERE database = currentDatabase() AND name = 'usage'
DROP TABLE IF EXISTS usage;

CREATE TABLE IF NOT EXISTS calls_1h (
    hour DateTime('UTC'),
    calls Int64 COMMENT 'of models: what windows must add up to',
    version UInt64
) ENGINE = ReplacingMergeTree(version)
PARTITION BY toYYYYMM(hour)
ORDER BY hour;

CREATE TABLE IF NOT EXISTS usage_1d (
    user_id String CODEC(ZSTD(1)),
    day DateTime('UTC') CODEC(T64, ZSTD(1)),
    calls Int64 CODEC(T64, ZSTD(1)),
    errors Int64 CODEC(T64, ZSTD(1)),
    input_tokens Int64 CODEC(T64, ZSTD(1)),
    output_tokens Int64 CODEC(T64, ZSTD(1)),
    cost_nano Int64 CODEC(T64, ZSTD(1)),
    version UInt64 CODEC(T64, ZSTD(1))
) ENGINE = ReplacingMergeTree(version)
PARTITION BY toYYYYMM(day)
ORDER BY (user_id, day);

-- FINAL has nothing to do in a partition of one part.
ALTER TABLE windows_1m MODIFY SETTING min_age_to_force_merge_seconds = 3600, min_age_to_force_merge_on_partition_only = 1;

ALTER TABLE windows_1h MODIFY SETTING min_age_to_force_merge_seconds = 3600, min_age_to_force_merge_on_partition_only = 1;

ALTER TABLE windows_1d MODIFY SETTING min_age_to_force_merge_seconds = 3600, min_age_to_force_merge_on_partition_only = 1;

ALTER TABLE score_windows_1m MODIFY SETTING min_age_to_force_merge_seconds = 3600, min_age_to_force_merge_on_partition_only = 1;

ALTER TABLE score_windows_1h MODIFY SETTING min_age_to_force_merge_seconds = 3600, min_age_to_force_merge_on_partition_only = 1;

ALTER TABLE score_windows_1d MODIFY SETTING min_age_to_force_merge_seconds = 3600, min_age_to_force_merge_on_partition_only = 1;

ALTER TABLE usage_1h MODIFY SETTING min_age_to_force_merge_seconds = 3600, min_age_to_force_merge_on_partition_only = 1;

ALTER TABLE usage_1d MODIFY SETTING min_age_to_force_merge_seconds = 3600, min_age_to_force_merge_on_partition_only = 1;
