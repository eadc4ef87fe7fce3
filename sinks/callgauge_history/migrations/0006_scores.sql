-- Scores and state changes of circuit breakers, and their windows.

-- As of `calls`: of several records of one score the one with the lowest offset stays.
CREATE TABLE IF NOT EXISTS scores (
    score_id String,
    ts DateTime64(3, 'UTC') COMMENT 'when it was judged: what windows go by',
    name LowCardinality(String) COMMENT 'what was judged',
    origin LowCardinality(String) COMMENT 'who judged: heuristic, judge, user, business, other',
    value Float64,
    value_micro Int64 COMMENT 'value as the integer that windows add up, millionths',
    event_id String COMMENT 'the call; empty: not known',
    trace_id String,
    service LowCardinality(String),
    labels Map(LowCardinality(String), String) COMMENT 'of the call',
    comment String,
    schema_version UInt16,
    kafka_partition Int32,
    kafka_offset Int64,
    source LowCardinality(String) COMMENT 'cluster id / topic id / partition',
    version UInt128 MATERIALIZED bitOr(
        bitShiftLeft(toUInt128(9223372036854775807 - kafka_offset), 64),
        toUInt128(if(source = '', 0, greatest(sipHash64(source), 1)))
    ) COMMENT 'the lowest offset wins'
) ENGINE = ReplacingMergeTree(version)
PARTITION BY toYYYYMMDD(ts)
ORDER BY score_id;

CREATE TABLE IF NOT EXISTS state_changes (
    event_id String,
    ts DateTime64(3, 'UTC'),
    service LowCardinality(String),
    breaker LowCardinality(String),
    from_state LowCardinality(String),
    to_state LowCardinality(String),
    reason String,
    labels Map(LowCardinality(String), String),
    schema_version UInt16,
    kafka_partition Int32,
    kafka_offset Int64,
    source LowCardinality(String) COMMENT 'cluster id / topic id / partition',
    version UInt128 MATERIALIZED bitOr(
        bitShiftLeft(toUInt128(9223372036854775807 - kafka_offset), 64),
        toUInt128(if(source = '', 0, greatest(sipHash64(source), 1)))
    ) COMMENT 'the lowest offset wins'
) ENGINE = ReplacingMergeTree(version)
PARTITION BY toYYYYMMDD(ts)
ORDER BY event_id;

CREATE VIEW IF NOT EXISTS scores_final AS
SELECT * FROM scores FINAL;

CREATE VIEW IF NOT EXISTS state_changes_final AS
SELECT * FROM state_changes FINAL;

CREATE TABLE IF NOT EXISTS score_windows (
    grouping LowCardinality(String) COMMENT 'labels joined by commas, @, width: service,model@60s',
    series_id UInt64 COMMENT 'that of the calls with the same labels',
    window_start DateTime64(3, 'UTC'),
    window_ms Int64,
    source LowCardinality(String) COMMENT 'cluster id / topic id / partition',
    block Int64 COMMENT 'first offset of the block',
    epoch LowCardinality(String),
    name LowCardinality(String) COMMENT 'what was judged; breaker_open: changes of circuit breakers, 1 when one opened',
    origin LowCardinality(String) COMMENT 'who judged; the name of the breaker',
    n Int64 COMMENT 'scores in this row; its version',
    service LowCardinality(String),
    environment LowCardinality(String),
    feature LowCardinality(String),
    endpoint LowCardinality(String),
    operation LowCardinality(String),
    provider LowCardinality(String),
    model LowCardinality(String),
    response_model LowCardinality(String),
    prompt_version LowCardinality(String),
    variant LowCardinality(String),
    value_sum Int64 COMMENT 'millionths',
    value_sum_sq Int64 COMMENT 'millionths; of values cut to 10,000',
    value_min Int64 COMMENT 'millionths',
    value_max Int64 COMMENT 'millionths',
    min_event_id String COMMENT 'the call of the lowest value, or the score',
    histogram Map(Int16, UInt64) COMMENT 'bucket i: values in (base^i, base^(i+1)] millionths',
    negative_histogram Map(Int16, UInt64) COMMENT 'bucket i: -values in (base^i, base^(i+1)] millionths',
    zero_count UInt64,
    scale Int8 COMMENT 'base = 2^(2^-scale)'
) ENGINE = ReplacingMergeTree(n)
PARTITION BY toYYYYMMDD(window_start)
ORDER BY (grouping, series_id, window_start, source, block, epoch, name, origin);

CREATE VIEW IF NOT EXISTS score_windows_final AS
SELECT w.*
FROM (SELECT * FROM score_windows FINAL) AS w
ASOF LEFT JOIN epoch_ranges AS r ON w.source = r.source AND w.block >= r.from_offset
WHERE r.epoch_in_force = '' OR r.epoch_in_force = w.epoch;

-- callgauge_quantile for values of both signs: the most negative come first, so their buckets are counted from the end.
CREATE OR REPLACE FUNCTION callgauge_signed_quantile AS (q, histogram, negative, zero_count, scale) ->
    multiIf(
        arraySum(mapValues(negative)) + zero_count + arraySum(mapValues(histogram)) = 0,
        NULL,
        callgauge_rank(q, arraySum(mapValues(negative)) + zero_count + arraySum(mapValues(histogram)))
            < arraySum(mapValues(negative)),
        -callgauge_bucket_estimate(
            callgauge_bucket_at(
                toInt64(arraySum(mapValues(negative))) - 1
                    - toInt64(callgauge_rank(q, arraySum(mapValues(negative)) + zero_count + arraySum(mapValues(histogram)))),
                mapSort(negative)
            ),
            scale
        ),
        callgauge_rank(q, arraySum(mapValues(negative)) + zero_count + arraySum(mapValues(histogram)))
            < arraySum(mapValues(negative)) + zero_count,
        0.,
        callgauge_bucket_estimate(
            callgauge_bucket_at(
                toInt64(callgauge_rank(q, arraySum(mapValues(negative)) + zero_count + arraySum(mapValues(histogram))))
                    - toInt64(arraySum(mapValues(negative)) + zero_count),
                mapSort(histogram)
            ),
            scale
        )
    );

-- One row per series, window, score name and origin: all its blocks added up. The standard deviation is that of the
-- population, NULL where a value was cut to be squared; percentiles are NULL where the rows' histograms differ in scale.
CREATE VIEW IF NOT EXISTS score_windows_merged AS
SELECT
    grouping,
    series_id,
    window_start,
    addMilliseconds(window_start, window_ms) AS window_end,
    window_ms / 1000 AS window_s,
    name,
    origin,
    any(w.service) AS service,
    any(w.environment) AS environment,
    any(w.feature) AS feature,
    any(w.endpoint) AS endpoint,
    any(w.operation) AS operation,
    any(w.provider) AS provider,
    any(w.model) AS model,
    any(w.response_model) AS response_model,
    any(w.prompt_version) AS prompt_version,
    any(w.variant) AS variant,
    sum(w.n) AS scores,
    sum(w.value_sum) / 1e6 AS total,
    total / scores AS mean,
    if(max(w.value_max) > 10000000000 OR min(w.value_min) < -10000000000,
        NULL, sqrt(greatest(sum(w.value_sum_sq) / 1e6 / scores - mean * mean, 0))) AS stddev,
    min(w.value_min) / 1e6 AS lowest,
    max(w.value_max) / 1e6 AS highest,
    argMin(w.min_event_id, (w.value_min, w.block)) AS lowest_event_id,
    if(min(w.scale) = max(w.scale),
        callgauge_signed_quantile(0.05, sumMap(w.histogram), sumMap(w.negative_histogram), sum(w.zero_count), max(w.scale)), NULL) / 1e6 AS p05,
    if(min(w.scale) = max(w.scale),
        callgauge_signed_quantile(0.5, sumMap(w.histogram), sumMap(w.negative_histogram), sum(w.zero_count), max(w.scale)), NULL) / 1e6 AS p50,
    if(min(w.scale) = max(w.scale),
        callgauge_signed_quantile(0.95, sumMap(w.histogram), sumMap(w.negative_histogram), sum(w.zero_count), max(w.scale)), NULL) / 1e6 AS p95,
    if(name = 'breaker_open', intDiv(sum(w.value_sum), 1000000), 0) AS opens
FROM score_windows_final AS w
GROUP BY grouping, series_id, window_start, window_ms, name, origin;
