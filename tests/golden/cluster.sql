CREATE TABLE IF NOT EXISTS calls_local ON CLUSTER 'main' (
    event_id String,
    ts DateTime64(3, 'UTC') COMMENT 'start of the call',
    event_time DateTime64(3, 'UTC') COMMENT 'end of the call: what windows go by',
    event_time_ms Int64 COMMENT 'the same, integer epoch milliseconds',
    service LowCardinality(String),
    model LowCardinality(String) COMMENT 'the model asked for',
    trace_id String,
    span_id String,
    parent_span_id String,
    operation LowCardinality(String),
    name LowCardinality(String),
    latency_ms Float64,
    latency_us Int64 COMMENT 'latency_ms as the integer that windows add up',
    time_to_first_token_ms Nullable(Float64),
    environment LowCardinality(String),
    feature LowCardinality(String),
    endpoint LowCardinality(String),
    user_id String,
    session_id String,
    tags Map(LowCardinality(String), String),
    provider LowCardinality(String),
    response_model LowCardinality(String) COMMENT 'the model that answered',
    prompt_hash String,
    prompt_version LowCardinality(String),
    variant LowCardinality(String),
    input_tokens Nullable(Int64) COMMENT 'cached tokens included',
    output_tokens Nullable(Int64) COMMENT 'reasoning tokens included',
    cache_read_tokens Nullable(Int64),
    cache_write_tokens Nullable(Int64),
    reasoning_tokens Nullable(Int64),
    cost_usd Nullable(Float64),
    cost_nano Nullable(Int64) COMMENT 'cost_usd as the integer that windows add up, nano-dollars',
    price_source LowCardinality(String),
    status LowCardinality(String),
    error_type LowCardinality(String) COMMENT 'empty: none given',
    error_message String,
    http_status Nullable(UInt16),
    finish_reason LowCardinality(String),
    stream Bool,
    cache_hit Bool,
    cache_level LowCardinality(String) COMMENT 'empty: none given',
    fallback_from LowCardinality(String),
    retry_count Int64,
    rate_limit_limit_requests Nullable(Int64),
    rate_limit_remaining_requests Nullable(Int64),
    rate_limit_limit_tokens Nullable(Int64),
    rate_limit_remaining_tokens Nullable(Int64),
    response_chars Nullable(Int64),
    schema_version UInt16,
    kafka_partition Int32,
    kafka_offset Int64,
    source LowCardinality(String) COMMENT 'cluster id / topic id / partition',
    version UInt128 MATERIALIZED bitOr(
        bitShiftLeft(toUInt128(9223372036854775807 - kafka_offset), 64),
        toUInt128(if(source = '', 0, greatest(sipHash64(source), 1)))
    ) COMMENT 'the lowest offset wins'
) ENGINE = ReplicatedReplacingMergeTree('/clickhouse/tables/{shard}/{database}/calls_local', '{replica}', version)
PARTITION BY toYYYYMMDD(event_time)
ORDER BY (service, model, ts, event_id);

CREATE TABLE IF NOT EXISTS calls ON CLUSTER 'main' AS calls_local ENGINE = Distributed('main', currentDatabase(), calls_local, cityHash64(event_id));

CREATE TABLE IF NOT EXISTS windows_local ON CLUSTER 'main' (
    grouping LowCardinality(String) COMMENT 'labels joined by commas, @, width: service,model@60s',
    series_id UInt64,
    window_start DateTime64(3, 'UTC'),
    window_ms Int64,
    source LowCardinality(String) COMMENT 'cluster id / topic id / partition',
    block Int64 COMMENT 'first offset of the block',
    epoch LowCardinality(String),
    n Int64 COMMENT 'events in this row; its version',
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
    errors Map(LowCardinality(String), Int64) COMMENT 'failed calls by error type',
    fallbacks Int64,
    cache_hits Int64,
    rate_limited Int64,
    retries Int64,
    finish_reasons Map(LowCardinality(String), Int64),
    input_tokens Int64,
    cache_read_tokens Int64,
    cache_write_tokens Int64,
    reasoning_tokens Int64,
    rate_limit_used_max_ppm Int64,
    latency_count Int64,
    latency_sum Int64 COMMENT 'µs, of successful calls; squares in ms²',
    latency_sum_sq Int64,
    latency_min Int64,
    latency_max Int64,
    latency_max_event_id String,
    latency_histogram Map(Int16, UInt64) COMMENT 'bucket i: values in (base^i, base^(i+1)]',
    latency_zero_count UInt64,
    latency_scale Int8 COMMENT 'base = 2^(2^-scale)',
    ttft_count Int64,
    ttft_sum Int64 COMMENT 'µs, where given; squares in ms²',
    ttft_sum_sq Int64,
    ttft_min Int64,
    ttft_max Int64,
    ttft_max_event_id String,
    ttft_histogram Map(Int16, UInt64) COMMENT 'bucket i: values in (base^i, base^(i+1)]',
    ttft_zero_count UInt64,
    ttft_scale Int8 COMMENT 'base = 2^(2^-scale)',
    cost_count Int64,
    cost_sum Int64 COMMENT 'nano-dollars, where given; squares in (10⁻⁵ dollar)²',
    cost_sum_sq Int64,
    cost_min Int64,
    cost_max Int64,
    cost_max_event_id String,
    cost_histogram Map(Int16, UInt64) COMMENT 'bucket i: values in (base^i, base^(i+1)]',
    cost_zero_count UInt64,
    cost_scale Int8 COMMENT 'base = 2^(2^-scale)',
    output_tokens_count Int64,
    output_tokens_sum Int64 COMMENT 'tokens',
    output_tokens_sum_sq Int64,
    output_tokens_min Int64,
    output_tokens_max Int64,
    output_tokens_max_event_id String,
    output_tokens_histogram Map(Int16, UInt64) COMMENT 'bucket i: values in (base^i, base^(i+1)]',
    output_tokens_zero_count UInt64,
    output_tokens_scale Int8 COMMENT 'base = 2^(2^-scale)'
) ENGINE = ReplicatedReplacingMergeTree('/clickhouse/tables/{shard}/{database}/windows_local', '{replica}', n)
PARTITION BY toYYYYMMDD(window_start)
ORDER BY (grouping, series_id, window_start, source, block, epoch);

CREATE TABLE IF NOT EXISTS windows ON CLUSTER 'main' AS windows_local ENGINE = Distributed('main', currentDatabase(), windows_local, series_id);

CREATE TABLE IF NOT EXISTS block_summaries_local ON CLUSTER 'main' (
    source LowCardinality(String),
    block Int64,
    epoch LowCardinality(String),
    last_offset Int64,
    complete Bool,
    records Int64,
    counted Int64,
    duplicates Int64,
    dead Int64,
    late Int64,
    clamped Int64,
    token_violations Int64,
    first_ts DateTime64(3, 'UTC') COMMENT 'append time of the first record',
    version UInt64 COMMENT 'complete wins, then the larger last_offset'
) ENGINE = ReplicatedReplacingMergeTree('/clickhouse/tables/{shard}/{database}/block_summaries_local', '{replica}', version)
ORDER BY (source, block, epoch);

CREATE TABLE IF NOT EXISTS block_summaries ON CLUSTER 'main' AS block_summaries_local ENGINE = Distributed('main', currentDatabase(), block_summaries_local, cityHash64(source));

CREATE TABLE IF NOT EXISTS epochs_local ON CLUSTER 'main' (
    source LowCardinality(String),
    from_offset Int64,
    term Int64,
    epoch LowCardinality(String)
) ENGINE = ReplicatedReplacingMergeTree('/clickhouse/tables/{shard}/{database}/epochs_local', '{replica}')
ORDER BY (source, from_offset, term, epoch);

CREATE TABLE IF NOT EXISTS epochs ON CLUSTER 'main' AS epochs_local ENGINE = Distributed('main', currentDatabase(), epochs_local, cityHash64(source));

CREATE TABLE IF NOT EXISTS alerts_local ON CLUSTER 'main' (
    alert_id String COMMENT 'one episode',
    fingerprint String COMMENT 'the alert itself',
    seq Int64 COMMENT 'counts the transitions of the episode',
    state LowCardinality(String),
    rule LowCardinality(String),
    severity LowCardinality(String),
    labels Map(LowCardinality(String), String),
    starts_at DateTime64(3, 'UTC'),
    at DateTime64(3, 'UTC'),
    fired_at Nullable(DateTime64(3, 'UTC')),
    ends_at Nullable(DateTime64(3, 'UTC')),
    aggregate LowCardinality(String),
    lookback_s Float64,
    op LowCardinality(String),
    threshold Float64,
    value Nullable(Float64),
    n Int64,
    summary String,
    reason String,
    event_id String,
    runbook String,
    schema_version UInt16
) ENGINE = ReplicatedReplacingMergeTree('/clickhouse/tables/{shard}/{database}/alerts_local', '{replica}')
PARTITION BY toYYYYMM(starts_at)
ORDER BY (fingerprint, starts_at, seq);

CREATE TABLE IF NOT EXISTS alerts ON CLUSTER 'main' AS alerts_local ENGINE = Distributed('main', currentDatabase(), alerts_local, cityHash64(fingerprint));

CREATE TABLE IF NOT EXISTS dead_letters_local ON CLUSTER 'main' (
    topic LowCardinality(String),
    partition Int32,
    offset Int64,
    ts DateTime64(3, 'UTC') COMMENT 'append time of the unreadable record',
    reason String,
    field LowCardinality(String),
    size Int64 COMMENT 'bytes of the whole value',
    raw String COMMENT 'its first 64 KiB, base64',
    schema_version UInt16
) ENGINE = ReplicatedReplacingMergeTree('/clickhouse/tables/{shard}/{database}/dead_letters_local', '{replica}')
PARTITION BY toYYYYMM(ts)
ORDER BY (topic, partition, offset, ts);

CREATE TABLE IF NOT EXISTS dead_letters ON CLUSTER 'main' AS dead_letters_local ENGINE = Distributed('main', currentDatabase(), dead_letters_local, cityHash64(topic, partition, offset, ts));

CREATE OR REPLACE FUNCTION callgauge_bucket_estimate ON CLUSTER 'main' AS (bucket, scale) ->
    2 * exp2((bucket + 1) / exp2(scale)) / (exp2(1 / exp2(scale)) + 1);

CREATE OR REPLACE FUNCTION callgauge_rank ON CLUSTER 'main' AS (q, n) ->
    toUInt64(floor(q * (greatest(n, 1) - 1)));

CREATE OR REPLACE FUNCTION callgauge_bucket_at ON CLUSTER 'main' AS (rank, histogram) ->
    arrayElement(
        mapKeys(histogram),
        arrayFirstIndex(passed -> passed > rank, arrayCumSum(mapValues(histogram)))
    );

CREATE OR REPLACE FUNCTION callgauge_quantile ON CLUSTER 'main' AS (q, histogram, zero_count, scale) ->
    multiIf(
        zero_count + arraySum(mapValues(histogram)) = 0,
        NULL,
        callgauge_rank(q, zero_count + arraySum(mapValues(histogram))) < zero_count,
        0.,
        callgauge_bucket_estimate(
            callgauge_bucket_at(
                toInt64(callgauge_rank(q, zero_count + arraySum(mapValues(histogram)))) - toInt64(zero_count),
                mapSort(histogram)
            ),
            scale
        )
    );

CREATE VIEW IF NOT EXISTS epoch_ranges ON CLUSTER 'main' AS
SELECT source, from_offset, tupleElement(in_force, 2) AS epoch_in_force
FROM (
    SELECT
        source,
        from_offset,
        max((term, epoch)) OVER (PARTITION BY source ORDER BY from_offset) AS in_force,
        leadInFrame(from_offset, 1, -1) OVER (
            PARTITION BY source ORDER BY from_offset ROWS BETWEEN CURRENT ROW AND UNBOUNDED FOLLOWING
        ) AS next_from
    FROM epochs
)
WHERE next_from != from_offset;

CREATE VIEW IF NOT EXISTS windows_final ON CLUSTER 'main' AS
SELECT w.*
FROM (SELECT * FROM windows FINAL) AS w
ASOF LEFT JOIN epoch_ranges AS r ON w.source = r.source AND w.block >= r.from_offset
WHERE r.epoch_in_force = '' OR r.epoch_in_force = w.epoch;

CREATE VIEW IF NOT EXISTS blocks_final ON CLUSTER 'main' AS
SELECT b.*
FROM (SELECT * FROM block_summaries FINAL) AS b
ASOF LEFT JOIN epoch_ranges AS r ON b.source = r.source AND b.block >= r.from_offset
WHERE r.epoch_in_force = '' OR r.epoch_in_force = b.epoch;

CREATE VIEW IF NOT EXISTS calls_final ON CLUSTER 'main' AS
SELECT * FROM calls FINAL;

CREATE VIEW IF NOT EXISTS alerts_latest ON CLUSTER 'main' AS
SELECT * FROM alerts FINAL
ORDER BY seq DESC
LIMIT 1 BY fingerprint, starts_at;

CREATE VIEW IF NOT EXISTS windows_merged ON CLUSTER 'main' AS
SELECT
    grouping,
    series_id,
    window_start,
    addMilliseconds(window_start, window_ms) AS window_end,
    window_ms / 1000 AS window_s,
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
    sum(n) AS calls,
    arraySum(mapValues(sumMap(w.errors))) AS errors,
    errors / calls AS error_rate,
    sumMap(w.errors) AS errors_by_type,
    sumMap(w.finish_reasons) AS finish_reasons,
    sum(w.fallbacks) AS fallbacks,
    sum(w.cache_hits) AS cache_hits,
    sum(w.rate_limited) AS rate_limited,
    sum(w.retries) AS retries,
    if(minIf(w.latency_scale, w.latency_count > 0) = maxIf(w.latency_scale, w.latency_count > 0),
        callgauge_quantile(0.5, sumMap(w.latency_histogram), sum(w.latency_zero_count), maxIf(w.latency_scale, w.latency_count > 0)), NULL) / 1e3 AS latency_p50_ms,
    if(minIf(w.latency_scale, w.latency_count > 0) = maxIf(w.latency_scale, w.latency_count > 0),
        callgauge_quantile(0.95, sumMap(w.latency_histogram), sum(w.latency_zero_count), maxIf(w.latency_scale, w.latency_count > 0)), NULL) / 1e3 AS latency_p95_ms,
    if(minIf(w.latency_scale, w.latency_count > 0) = maxIf(w.latency_scale, w.latency_count > 0),
        callgauge_quantile(0.99, sumMap(w.latency_histogram), sum(w.latency_zero_count), maxIf(w.latency_scale, w.latency_count > 0)), NULL) / 1e3 AS latency_p99_ms,
    if(sum(w.latency_count) = 0, NULL, sum(w.latency_sum) / sum(w.latency_count) / 1e3) AS latency_mean_ms,
    if(minIf(w.ttft_scale, w.ttft_count > 0) = maxIf(w.ttft_scale, w.ttft_count > 0),
        callgauge_quantile(0.5, sumMap(w.ttft_histogram), sum(w.ttft_zero_count), maxIf(w.ttft_scale, w.ttft_count > 0)), NULL) / 1e3 AS ttft_p50_ms,
    if(minIf(w.ttft_scale, w.ttft_count > 0) = maxIf(w.ttft_scale, w.ttft_count > 0),
        callgauge_quantile(0.95, sumMap(w.ttft_histogram), sum(w.ttft_zero_count), maxIf(w.ttft_scale, w.ttft_count > 0)), NULL) / 1e3 AS ttft_p95_ms,
    if(minIf(w.ttft_scale, w.ttft_count > 0) = maxIf(w.ttft_scale, w.ttft_count > 0),
        callgauge_quantile(0.99, sumMap(w.ttft_histogram), sum(w.ttft_zero_count), maxIf(w.ttft_scale, w.ttft_count > 0)), NULL) / 1e3 AS ttft_p99_ms,
    if(sum(w.ttft_count) = 0, NULL, sum(w.ttft_sum) / sum(w.ttft_count) / 1e3) AS ttft_mean_ms,
    max(w.latency_max) / 1e3 AS latency_max_ms,
    argMax(w.latency_max_event_id, (w.latency_max, -w.block)) AS latency_max_event_id,
    sum(w.input_tokens) AS input_tokens,
    sum(w.output_tokens_sum) AS output_tokens,
    sum(w.cache_read_tokens) AS cache_read_tokens,
    sum(w.cache_write_tokens) AS cache_write_tokens,
    sum(w.reasoning_tokens) AS reasoning_tokens,
    if(minIf(w.output_tokens_scale, w.output_tokens_count > 0) = maxIf(w.output_tokens_scale, w.output_tokens_count > 0),
        callgauge_quantile(0.95, sumMap(w.output_tokens_histogram), sum(w.output_tokens_zero_count), maxIf(w.output_tokens_scale, w.output_tokens_count > 0)), NULL) AS output_tokens_p95,
    sum(w.cost_sum) / 1e9 AS cost_usd,
    argMax(w.cost_max_event_id, (w.cost_max, -w.block)) AS cost_max_event_id,
    max(w.rate_limit_used_max_ppm) / 1e6 AS rate_limit_used_max
FROM windows_final AS w
GROUP BY grouping, series_id, window_start, window_ms;

ALTER TABLE block_summaries_local ON CLUSTER 'main' ADD COLUMN IF NOT EXISTS
    folded Int64 COMMENT 'counted in a series named __other__ in some grouping set' AFTER token_violations;

ALTER TABLE block_summaries ON CLUSTER 'main' ADD COLUMN IF NOT EXISTS
    folded Int64 COMMENT 'counted in a series named __other__ in some grouping set' AFTER token_violations;

ALTER TABLE epochs_local ON CLUSTER 'main' ADD COLUMN IF NOT EXISTS
    lost_from Int64 DEFAULT -1 COMMENT 'retention ate the offsets from here up to from_offset; -1: none';

ALTER TABLE epochs ON CLUSTER 'main' ADD COLUMN IF NOT EXISTS
    lost_from Int64 DEFAULT -1 COMMENT 'retention ate the offsets from here up to from_offset; -1: none';

ALTER TABLE dead_letters_local ON CLUSTER 'main' ADD COLUMN IF NOT EXISTS
    source LowCardinality(String) COMMENT 'cluster id / topic id / partition of the origin; empty: not known';

ALTER TABLE dead_letters ON CLUSTER 'main' ADD COLUMN IF NOT EXISTS
    source LowCardinality(String) COMMENT 'cluster id / topic id / partition of the origin; empty: not known';

CREATE TABLE IF NOT EXISTS stored_offsets_local ON CLUSTER 'main' (
    sink LowCardinality(String),
    source LowCardinality(String),
    first_offset SimpleAggregateFunction(min, Int64),
    next_offset SimpleAggregateFunction(max, Int64),
    stored_at SimpleAggregateFunction(max, DateTime64(3, 'UTC')) DEFAULT now64(3)
) ENGINE = ReplicatedAggregatingMergeTree('/clickhouse/tables/{shard}/{database}/stored_offsets_local', '{replica}')
ORDER BY (sink, source);

CREATE TABLE IF NOT EXISTS stored_offsets ON CLUSTER 'main' AS stored_offsets_local ENGINE = Distributed('main', currentDatabase(), stored_offsets_local, cityHash64(source));

CREATE OR REPLACE VIEW calls_final ON CLUSTER 'main' AS
SELECT * FROM calls FINAL;

CREATE OR REPLACE VIEW blocks_final ON CLUSTER 'main' AS
SELECT b.*
FROM (SELECT * FROM block_summaries FINAL) AS b
ASOF LEFT JOIN epoch_ranges AS r ON b.source = r.source AND b.block >= r.from_offset
WHERE r.epoch_in_force = '' OR r.epoch_in_force = b.epoch;

CREATE TABLE IF NOT EXISTS scores_local ON CLUSTER 'main' (
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
) ENGINE = ReplicatedReplacingMergeTree('/clickhouse/tables/{shard}/{database}/scores_local', '{replica}', version)
PARTITION BY toYYYYMMDD(ts)
ORDER BY score_id;

CREATE TABLE IF NOT EXISTS scores ON CLUSTER 'main' AS scores_local ENGINE = Distributed('main', currentDatabase(), scores_local, cityHash64(score_id));

CREATE TABLE IF NOT EXISTS state_changes_local ON CLUSTER 'main' (
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
) ENGINE = ReplicatedReplacingMergeTree('/clickhouse/tables/{shard}/{database}/state_changes_local', '{replica}', version)
PARTITION BY toYYYYMMDD(ts)
ORDER BY event_id;

CREATE TABLE IF NOT EXISTS state_changes ON CLUSTER 'main' AS state_changes_local ENGINE = Distributed('main', currentDatabase(), state_changes_local, cityHash64(event_id));

CREATE VIEW IF NOT EXISTS scores_final ON CLUSTER 'main' AS
SELECT * FROM scores FINAL;

CREATE VIEW IF NOT EXISTS state_changes_final ON CLUSTER 'main' AS
SELECT * FROM state_changes FINAL;

CREATE TABLE IF NOT EXISTS score_windows_local ON CLUSTER 'main' (
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
) ENGINE = ReplicatedReplacingMergeTree('/clickhouse/tables/{shard}/{database}/score_windows_local', '{replica}', n)
PARTITION BY toYYYYMMDD(window_start)
ORDER BY (grouping, series_id, window_start, source, block, epoch, name, origin);

CREATE TABLE IF NOT EXISTS score_windows ON CLUSTER 'main' AS score_windows_local ENGINE = Distributed('main', currentDatabase(), score_windows_local, series_id);

CREATE VIEW IF NOT EXISTS score_windows_final ON CLUSTER 'main' AS
SELECT w.*
FROM (SELECT * FROM score_windows FINAL) AS w
ASOF LEFT JOIN epoch_ranges AS r ON w.source = r.source AND w.block >= r.from_offset
WHERE r.epoch_in_force = '' OR r.epoch_in_force = w.epoch;

CREATE OR REPLACE FUNCTION callgauge_signed_quantile ON CLUSTER 'main' AS (q, histogram, negative, zero_count, scale) ->
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

CREATE VIEW IF NOT EXISTS score_windows_merged ON CLUSTER 'main' AS
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

ALTER TABLE calls_local ON CLUSTER 'main' MODIFY COLUMN latency_ms Nullable(Float64) COMMENT 'start to end; NULL: not known, event_time is then ts';

ALTER TABLE calls ON CLUSTER 'main' MODIFY COLUMN latency_ms Nullable(Float64) COMMENT 'start to end; NULL: not known, event_time is then ts';

ALTER TABLE calls_local ON CLUSTER 'main' MODIFY COLUMN latency_us Nullable(Int64) COMMENT 'latency_ms as the integer that windows add up';

ALTER TABLE calls ON CLUSTER 'main' MODIFY COLUMN latency_us Nullable(Int64) COMMENT 'latency_ms as the integer that windows add up';

ALTER TABLE windows_local ON CLUSTER 'main' ADD COLUMN IF NOT EXISTS cancelled Int64 COMMENT 'calls that the caller stopped' AFTER fallbacks;

ALTER TABLE windows ON CLUSTER 'main' ADD COLUMN IF NOT EXISTS cancelled Int64 COMMENT 'calls that the caller stopped' AFTER fallbacks;

ALTER TABLE block_summaries_local ON CLUSTER 'main' ADD COLUMN IF NOT EXISTS
    differing Int64 COMMENT 'duplicates whose content differs from what came first' AFTER duplicates;

ALTER TABLE block_summaries ON CLUSTER 'main' ADD COLUMN IF NOT EXISTS
    differing Int64 COMMENT 'duplicates whose content differs from what came first' AFTER duplicates;

CREATE OR REPLACE VIEW calls_final ON CLUSTER 'main' AS
SELECT * FROM calls FINAL;

CREATE OR REPLACE VIEW windows_final ON CLUSTER 'main' AS
SELECT w.*
FROM (SELECT * FROM windows FINAL) AS w
ASOF LEFT JOIN epoch_ranges AS r ON w.source = r.source AND w.block >= r.from_offset
WHERE r.epoch_in_force = '' OR r.epoch_in_force = w.epoch;

CREATE OR REPLACE VIEW blocks_final ON CLUSTER 'main' AS
SELECT b.*
FROM (SELECT * FROM block_summaries FINAL) AS b
ASOF LEFT JOIN epoch_ranges AS r ON b.source = r.source AND b.block >= r.from_offset
WHERE r.epoch_in_force = '' OR r.epoch_in_force = b.epoch;

CREATE OR REPLACE VIEW windows_merged ON CLUSTER 'main' AS
SELECT
    grouping,
    series_id,
    window_start,
    addMilliseconds(window_start, window_ms) AS window_end,
    window_ms / 1000 AS window_s,
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
    sum(n) AS calls,
    arraySum(mapValues(sumMap(w.errors))) AS errors,
    errors / calls AS error_rate,
    sumMap(w.errors) AS errors_by_type,
    sumMap(w.finish_reasons) AS finish_reasons,
    sum(w.fallbacks) AS fallbacks,
    sum(w.cancelled) AS cancelled,
    cancelled / calls AS cancelled_rate,
    sum(w.cache_hits) AS cache_hits,
    sum(w.rate_limited) AS rate_limited,
    sum(w.retries) AS retries,
    if(minIf(w.latency_scale, w.latency_count > 0) = maxIf(w.latency_scale, w.latency_count > 0),
        callgauge_quantile(0.5, sumMap(w.latency_histogram), sum(w.latency_zero_count), maxIf(w.latency_scale, w.latency_count > 0)), NULL) / 1e3 AS latency_p50_ms,
    if(minIf(w.latency_scale, w.latency_count > 0) = maxIf(w.latency_scale, w.latency_count > 0),
        callgauge_quantile(0.95, sumMap(w.latency_histogram), sum(w.latency_zero_count), maxIf(w.latency_scale, w.latency_count > 0)), NULL) / 1e3 AS latency_p95_ms,
    if(minIf(w.latency_scale, w.latency_count > 0) = maxIf(w.latency_scale, w.latency_count > 0),
        callgauge_quantile(0.99, sumMap(w.latency_histogram), sum(w.latency_zero_count), maxIf(w.latency_scale, w.latency_count > 0)), NULL) / 1e3 AS latency_p99_ms,
    if(sum(w.latency_count) = 0, NULL, sum(w.latency_sum) / sum(w.latency_count) / 1e3) AS latency_mean_ms,
    if(minIf(w.ttft_scale, w.ttft_count > 0) = maxIf(w.ttft_scale, w.ttft_count > 0),
        callgauge_quantile(0.5, sumMap(w.ttft_histogram), sum(w.ttft_zero_count), maxIf(w.ttft_scale, w.ttft_count > 0)), NULL) / 1e3 AS ttft_p50_ms,
    if(minIf(w.ttft_scale, w.ttft_count > 0) = maxIf(w.ttft_scale, w.ttft_count > 0),
        callgauge_quantile(0.95, sumMap(w.ttft_histogram), sum(w.ttft_zero_count), maxIf(w.ttft_scale, w.ttft_count > 0)), NULL) / 1e3 AS ttft_p95_ms,
    if(minIf(w.ttft_scale, w.ttft_count > 0) = maxIf(w.ttft_scale, w.ttft_count > 0),
        callgauge_quantile(0.99, sumMap(w.ttft_histogram), sum(w.ttft_zero_count), maxIf(w.ttft_scale, w.ttft_count > 0)), NULL) / 1e3 AS ttft_p99_ms,
    if(sum(w.ttft_count) = 0, NULL, sum(w.ttft_sum) / sum(w.ttft_count) / 1e3) AS ttft_mean_ms,
    if(sum(w.latency_count) = 0, NULL, max(w.latency_max) / 1e3) AS latency_max_ms,
    argMax(w.latency_max_event_id, (w.latency_max, -w.block)) AS latency_max_event_id,
    sum(w.input_tokens) AS input_tokens,
    sum(w.output_tokens_sum) AS output_tokens,
    sum(w.cache_read_tokens) AS cache_read_tokens,
    sum(w.cache_write_tokens) AS cache_write_tokens,
    sum(w.reasoning_tokens) AS reasoning_tokens,
    if(minIf(w.output_tokens_scale, w.output_tokens_count > 0) = maxIf(w.output_tokens_scale, w.output_tokens_count > 0),
        callgauge_quantile(0.95, sumMap(w.output_tokens_histogram), sum(w.output_tokens_zero_count), maxIf(w.output_tokens_scale, w.output_tokens_count > 0)), NULL) AS output_tokens_p95,
    sum(w.cost_sum) / 1e9 AS cost_usd,
    argMax(w.cost_max_event_id, (w.cost_max, -w.block)) AS cost_max_event_id,
    max(w.rate_limit_used_max_ppm) / 1e6 AS rate_limit_used_max
FROM windows_final AS w
GROUP BY grouping, series_id, window_start, window_ms;

CREATE VIEW IF NOT EXISTS mended_fields ON CLUSTER 'main' AS
SELECT
    topic,
    service,
    splitByString(': ', mark)[1] AS field,
    arrayStringConcat(arraySlice(splitByString(': ', mark), 2), ': ') AS mended,
    count() AS events,
    min(ts) AS first_ts,
    max(ts) AS last_ts,
    any(id) AS example_id
FROM (
    SELECT 'calls' AS topic, service, ts, event_id AS id, tags['callgauge.mended'] AS marks FROM calls FINAL
    WHERE marks != ''
    UNION ALL
    SELECT 'scores', service, ts, score_id, labels['callgauge.mended'] AS marks FROM scores FINAL
    WHERE marks != ''
    UNION ALL
    SELECT 'scores', service, ts, event_id, labels['callgauge.mended'] AS marks FROM state_changes FINAL
    WHERE marks != ''
)
ARRAY JOIN splitByString('; ', marks) AS mark
GROUP BY topic, service, field, mended;

CREATE TABLE IF NOT EXISTS alert_actions_local ON CLUSTER 'main' (
    action_id String,
    action LowCardinality(String) COMMENT 'acknowledge, resolve, silence, unsilence',
    at DateTime64(3, 'UTC'),
    who String,
    why String,
    how LowCardinality(String) COMMENT 'cli, slack, pagerduty, api',
    receiver LowCardinality(String) COMMENT 'the receiver of the routes through which it came',
    fingerprint String COMMENT 'acknowledge, resolve: the alert',
    alert_id String COMMENT 'acknowledge, resolve: the episode',
    silence_id String COMMENT 'silence, unsilence: which',
    matchers Array(String) COMMENT 'silence: its conditions',
    starts_at Nullable(DateTime64(3, 'UTC')) COMMENT 'silence: since when',
    ends_at Nullable(DateTime64(3, 'UTC')) COMMENT 'silence: until when',
    schema_version UInt16
) ENGINE = ReplicatedReplacingMergeTree('/clickhouse/tables/{shard}/{database}/alert_actions_local', '{replica}')
PARTITION BY toYYYYMM(at)
ORDER BY (fingerprint, alert_id, silence_id, action_id);

CREATE TABLE IF NOT EXISTS alert_actions ON CLUSTER 'main' AS alert_actions_local ENGINE = Distributed('main', currentDatabase(), alert_actions_local, cityHash64(fingerprint, alert_id, silence_id, action_id));

CREATE VIEW IF NOT EXISTS alert_actions_final ON CLUSTER 'main' AS
SELECT * FROM alert_actions FINAL;

CREATE VIEW IF NOT EXISTS alert_episodes ON CLUSTER 'main' AS
SELECT
    a.*,
    multiIf(a.state = 'resolved' OR d.done > 0, 'resolved', k.done > 0, 'acknowledged', a.state) AS shown,
    k.who AS acknowledged_by,
    if(k.done > 0, k.at, NULL) AS acknowledged_at,
    d.who AS resolved_by,
    if(d.done > 0, d.at, NULL) AS resolved_by_hand_at,
    d.why AS resolved_why
FROM (SELECT * FROM alerts_latest) AS a
LEFT JOIN (
    SELECT alert_id, argMin(r.who, (r.at, r.action_id)) AS who, min(r.at) AS at, count() AS done
    FROM alert_actions_final AS r WHERE r.action = 'acknowledge' GROUP BY alert_id
) AS k ON k.alert_id = a.alert_id
LEFT JOIN (
    SELECT alert_id, argMin(r.who, (r.at, r.action_id)) AS who, argMin(r.why, (r.at, r.action_id)) AS why,
        min(r.at) AS at, count() AS done
    FROM alert_actions_final AS r WHERE r.action = 'resolve' GROUP BY alert_id
) AS d ON d.alert_id = a.alert_id;

CREATE VIEW IF NOT EXISTS alerts_now ON CLUSTER 'main' AS
SELECT * FROM (SELECT * FROM alert_episodes ORDER BY starts_at DESC LIMIT 1 BY fingerprint)
WHERE shown != 'resolved';

CREATE VIEW IF NOT EXISTS silences ON CLUSTER 'main' AS
SELECT
    m.silence_id AS silence_id,
    m.matchers AS matchers,
    m.who AS who,
    m.why AS why,
    m.how AS how,
    m.starts_at AS starts_at,
    if(e.done > 0, least(m.ends_at, e.at), m.ends_at) AS ends_at,
    e.who AS ended_by
FROM (
    SELECT * FROM alert_actions_final WHERE action = 'silence'
    ORDER BY at DESC, action_id DESC LIMIT 1 BY silence_id
) AS m
LEFT JOIN (
    SELECT silence_id, argMin(r.who, (r.at, r.action_id)) AS who, min(r.at) AS at, count() AS done
    FROM alert_actions_final AS r WHERE r.action = 'unsilence' GROUP BY silence_id
) AS e ON e.silence_id = m.silence_id;

CREATE TABLE IF NOT EXISTS heartbeats_local ON CLUSTER 'main' (
    service LowCardinality(String),
    environment LowCardinality(String),
    instance String COMMENT 'a Gauge in one process',
    ts DateTime64(3, 'UTC') COMMENT 'by the clock of the process',
    started_at DateTime64(3, 'UTC'),
    interval_s Float64 COMMENT 'when the next one is due',
    host LowCardinality(String),
    process_id Int64,
    sdk LowCardinality(String) COMMENT 'version of callgauge',
    emitted Int64 COMMENT 'calls and judgements taken, since started_at, as all counts',
    delivered Int64 COMMENT 'the broker has them',
    dropped Int64 COMMENT 'not taken, the queue was full: lost',
    invalid Int64 COMMENT 'not taken, they cannot be counted',
    failed Int64 COMMENT 'taken, but the broker never got them: lost',
    spilled Int64 COMMENT 'written to disk, to be delivered later',
    replayed Int64 COMMENT 'read from disk and delivered',
    replay_failed Int64 COMMENT 'read from disk, damaged or refused: lost',
    waiting Int64 COMMENT 'in memory then',
    on_disk Int64 COMMENT 'on disk then, to be sent by this process',
    closed Bool COMMENT 'the last one: the Gauge was closed',
    schema_version UInt16,
    appended_at DateTime64(3, 'UTC') COMMENT 'by the clock of the bus'
) ENGINE = ReplicatedReplacingMergeTree('/clickhouse/tables/{shard}/{database}/heartbeats_local', '{replica}')
PARTITION BY toYYYYMMDD(appended_at)
ORDER BY (service, instance, ts)
TTL toDateTime(appended_at) + INTERVAL 7 DAY;

CREATE TABLE IF NOT EXISTS heartbeats ON CLUSTER 'main' AS heartbeats_local ENGINE = Distributed('main', currentDatabase(), heartbeats_local, cityHash64(service, instance, ts));

CREATE OR REPLACE VIEW gauges ON CLUSTER 'main' AS
SELECT
    service,
    instance,
    argMax(h.environment, h.ts) AS environment,
    any(h.host) AS host,
    any(h.process_id) AS process_id,
    any(h.sdk) AS sdk,
    min(h.started_at) AS started_at,
    max(h.appended_at) AS last_heard,
    multiIf(
        max(h.closed), 'closed',
        last_heard < now64(3) - INTERVAL 1 HOUR, 'gone',
        last_heard < now64(3) - toIntervalMillisecond(toInt64(3000 * argMax(h.interval_s, h.ts))), 'silent',
        'alive'
    ) AS state,
    argMax(h.emitted, h.ts) AS emitted,
    argMax(h.delivered, h.ts) AS delivered,
    argMax(h.dropped, h.ts) AS dropped,
    argMax(h.invalid, h.ts) AS invalid,
    argMax(h.failed, h.ts) AS failed,
    argMax(h.spilled, h.ts) AS spilled,
    argMax(h.replayed, h.ts) AS replayed,
    argMax(h.replay_failed, h.ts) AS replay_failed,
    argMax(h.waiting, h.ts) AS waiting,
    argMax(h.on_disk, h.ts) AS on_disk
FROM heartbeats AS h
GROUP BY service, instance;

CREATE OR REPLACE VIEW services ON CLUSTER 'main' AS
SELECT
    service,
    countIf(g.state = 'alive') AS alive,
    countIf(g.state = 'silent') AS silent,
    countIf(g.state IN ('closed', 'gone')) AS ended,
    max(g.last_heard) AS last_heard,
    arraySort(groupUniqArray(g.sdk)) AS sdks,
    sum(g.emitted) AS emitted,
    sum(g.delivered) AS delivered,
    sum(g.dropped) AS dropped,
    sum(g.invalid) AS invalid,
    sum(g.failed + g.replay_failed) AS failed,
    sum(g.spilled) AS spilled,
    sum(g.replayed) AS replayed,
    sumIf(g.on_disk, g.state = 'alive') AS on_disk
FROM gauges AS g
GROUP BY service;

CREATE OR REPLACE VIEW token_violations ON CLUSTER 'main' AS
SELECT
    service,
    provider,
    model,
    operation,
    count() AS calls,
    min(ts) AS first_ts,
    max(ts) AS last_ts,
    any(event_id) AS example_id
FROM calls FINAL
WHERE ifNull(cache_read_tokens, 0) + ifNull(cache_write_tokens, 0) > ifNull(input_tokens, 0)
    OR ifNull(reasoning_tokens, 0) > ifNull(output_tokens, 0)
GROUP BY service, provider, model, operation;

CREATE TABLE IF NOT EXISTS content_local ON CLUSTER 'main' (
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
) ENGINE = ReplicatedReplacingMergeTree('/clickhouse/tables/{shard}/{database}/content_local', '{replica}')
PARTITION BY toYYYYMMDD(appended_at)
ORDER BY (service, event_id)
TTL toDateTime(appended_at) + INTERVAL 7 DAY
SETTINGS ttl_only_drop_parts = 1;

CREATE TABLE IF NOT EXISTS content ON CLUSTER 'main' AS content_local ENGINE = Distributed('main', currentDatabase(), content_local, cityHash64(service, event_id));

CREATE OR REPLACE VIEW alert_episodes ON CLUSTER 'main' AS
SELECT
    a.alert_id AS alert_id,
    a.at AS at,
    a.* EXCEPT (alert_id, at),
    multiIf(a.state = 'resolved' OR d.done > 0, 'resolved', k.done > 0, 'acknowledged', a.state) AS shown,
    k.who AS acknowledged_by,
    if(k.done > 0, k.at, NULL) AS acknowledged_at,
    d.who AS resolved_by,
    if(d.done > 0, d.at, NULL) AS resolved_by_hand_at,
    d.why AS resolved_why
FROM (SELECT * FROM alerts_latest) AS a
LEFT JOIN (
    SELECT alert_id, argMin(r.who, (r.at, r.action_id)) AS who, min(r.at) AS at, count() AS done
    FROM alert_actions_final AS r WHERE r.action = 'acknowledge' GROUP BY alert_id
) AS k ON k.alert_id = a.alert_id
LEFT JOIN (
    SELECT alert_id, argMin(r.who, (r.at, r.action_id)) AS who, argMin(r.why, (r.at, r.action_id)) AS why,
        min(r.at) AS at, count() AS done
    FROM alert_actions_final AS r WHERE r.action = 'resolve' GROUP BY alert_id
) AS d ON d.alert_id = a.alert_id;

CREATE OR REPLACE VIEW alerts_now ON CLUSTER 'main' AS
SELECT * FROM (SELECT * FROM alert_episodes ORDER BY starts_at DESC LIMIT 1 BY fingerprint)
WHERE shown != 'resolved';

ALTER TABLE windows_local ON CLUSTER 'main' ADD COLUMN IF NOT EXISTS stored_at DateTime MATERIALIZED now() COMMENT 'by the clock of the store';

ALTER TABLE windows ON CLUSTER 'main' ADD COLUMN IF NOT EXISTS stored_at DateTime MATERIALIZED now() COMMENT 'by the clock of the store';

ALTER TABLE windows_local ON CLUSTER 'main' ADD INDEX IF NOT EXISTS stored_at stored_at TYPE minmax GRANULARITY 1;

ALTER TABLE score_windows_local ON CLUSTER 'main' ADD COLUMN IF NOT EXISTS stored_at DateTime MATERIALIZED now() COMMENT 'by the clock of the store';

ALTER TABLE score_windows ON CLUSTER 'main' ADD COLUMN IF NOT EXISTS stored_at DateTime MATERIALIZED now() COMMENT 'by the clock of the store';

ALTER TABLE score_windows_local ON CLUSTER 'main' ADD INDEX IF NOT EXISTS stored_at stored_at TYPE minmax GRANULARITY 1;

ALTER TABLE epochs_local ON CLUSTER 'main' ADD COLUMN IF NOT EXISTS stored_at DateTime MATERIALIZED now() COMMENT 'by the clock of the store';

ALTER TABLE epochs ON CLUSTER 'main' ADD COLUMN IF NOT EXISTS stored_at DateTime MATERIALIZED now() COMMENT 'by the clock of the store';

ALTER TABLE windows_local ON CLUSTER 'main' MATERIALIZE COLUMN stored_at;

ALTER TABLE score_windows_local ON CLUSTER 'main' MATERIALIZE COLUMN stored_at;

ALTER TABLE epochs_local ON CLUSTER 'main' MATERIALIZE COLUMN stored_at;

CREATE TABLE IF NOT EXISTS tier_progress_local ON CLUSTER 'main' (
    base LowCardinality(String),
    tier LowCardinality(String),
    cursor DateTime64(3, 'UTC') COMMENT 'what was stored before is in the tier',
    kept_from_ms Int64 COMMENT 'buckets that begin before are not derived again: the finer tier may no longer be whole',
    derived_at DateTime64(3, 'UTC') DEFAULT now64(3)
) ENGINE = ReplicatedReplacingMergeTree('/clickhouse/tables/{shard}/{database}/tier_progress_local', '{replica}', cursor)
ORDER BY (base, tier);

CREATE TABLE IF NOT EXISTS tier_progress ON CLUSTER 'main' AS tier_progress_local ENGINE = Distributed('main', currentDatabase(), tier_progress_local, cityHash64(base, tier));

CREATE TABLE IF NOT EXISTS windows_1m_local ON CLUSTER 'main' (
    grouping LowCardinality(String),
    series_id UInt64 CODEC(ZSTD(1)),
    window_start DateTime64(3, 'UTC') COMMENT 'of the bucket' CODEC(Delta, ZSTD(1)),
    window_ms Int64 COMMENT 'width of the bucket; of windows that do not fit into buckets their own' CODEC(T64, ZSTD(1)),
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
    n Int64 CODEC(T64, ZSTD(1)),
    fallbacks Int64 CODEC(T64, ZSTD(1)),
    cancelled Int64 CODEC(T64, ZSTD(1)),
    cache_hits Int64 CODEC(T64, ZSTD(1)),
    rate_limited Int64 CODEC(T64, ZSTD(1)),
    retries Int64 CODEC(T64, ZSTD(1)),
    input_tokens Int64 CODEC(T64, ZSTD(1)),
    cache_read_tokens Int64 CODEC(T64, ZSTD(1)),
    cache_write_tokens Int64 CODEC(T64, ZSTD(1)),
    reasoning_tokens Int64 CODEC(T64, ZSTD(1)),
    errors Map(LowCardinality(String), Int64) CODEC(ZSTD(1)),
    finish_reasons Map(LowCardinality(String), Int64) CODEC(ZSTD(1)),
    rate_limit_used_max_ppm Int64 CODEC(T64, ZSTD(1)),
    latency_count Int64 CODEC(T64, ZSTD(1)),
    latency_sum Int64 CODEC(T64, ZSTD(1)),
    latency_sum_sq Int128 CODEC(ZSTD(1)),
    latency_min Int64 CODEC(T64, ZSTD(1)),
    latency_max Int64 CODEC(T64, ZSTD(1)),
    latency_max_event_id String CODEC(ZSTD(1)),
    latency_histogram Map(Int16, UInt64) CODEC(ZSTD(1)),
    latency_zero_count UInt64 CODEC(ZSTD(1)),
    latency_scale Int8,
    ttft_count Int64 CODEC(T64, ZSTD(1)),
    ttft_sum Int64 CODEC(T64, ZSTD(1)),
    ttft_sum_sq Int128 CODEC(ZSTD(1)),
    ttft_min Int64 CODEC(T64, ZSTD(1)),
    ttft_max Int64 CODEC(T64, ZSTD(1)),
    ttft_max_event_id String CODEC(ZSTD(1)),
    ttft_histogram Map(Int16, UInt64) CODEC(ZSTD(1)),
    ttft_zero_count UInt64 CODEC(ZSTD(1)),
    ttft_scale Int8,
    cost_count Int64 CODEC(T64, ZSTD(1)),
    cost_sum Int64 CODEC(T64, ZSTD(1)),
    cost_sum_sq Int128 CODEC(ZSTD(1)),
    cost_min Int64 CODEC(T64, ZSTD(1)),
    cost_max Int64 CODEC(T64, ZSTD(1)),
    cost_max_event_id String CODEC(ZSTD(1)),
    cost_histogram Map(Int16, UInt64) CODEC(ZSTD(1)),
    cost_zero_count UInt64 CODEC(ZSTD(1)),
    cost_scale Int8,
    output_tokens_count Int64 CODEC(T64, ZSTD(1)),
    output_tokens_sum Int64 CODEC(T64, ZSTD(1)),
    output_tokens_sum_sq Int128 CODEC(ZSTD(1)),
    output_tokens_min Int64 CODEC(T64, ZSTD(1)),
    output_tokens_max Int64 CODEC(T64, ZSTD(1)),
    output_tokens_max_event_id String CODEC(ZSTD(1)),
    output_tokens_histogram Map(Int16, UInt64) CODEC(ZSTD(1)),
    output_tokens_zero_count UInt64 CODEC(ZSTD(1)),
    output_tokens_scale Int8,
    version UInt64 CODEC(ZSTD(1))
) ENGINE = ReplicatedReplacingMergeTree('/clickhouse/tables/{shard}/{database}/windows_1m_local', '{replica}', version)
PARTITION BY toYYYYMMDD(window_start)
ORDER BY (grouping, window_start, series_id);

CREATE TABLE IF NOT EXISTS windows_1m ON CLUSTER 'main' AS windows_1m_local ENGINE = Distributed('main', currentDatabase(), windows_1m_local, series_id);

CREATE TABLE IF NOT EXISTS windows_1h_local ON CLUSTER 'main' (
    grouping LowCardinality(String),
    series_id UInt64 CODEC(ZSTD(1)),
    window_start DateTime64(3, 'UTC') COMMENT 'of the bucket' CODEC(Delta, ZSTD(1)),
    window_ms Int64 COMMENT 'width of the bucket; of windows that do not fit into buckets their own' CODEC(T64, ZSTD(1)),
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
    n Int64 CODEC(T64, ZSTD(1)),
    fallbacks Int64 CODEC(T64, ZSTD(1)),
    cancelled Int64 CODEC(T64, ZSTD(1)),
    cache_hits Int64 CODEC(T64, ZSTD(1)),
    rate_limited Int64 CODEC(T64, ZSTD(1)),
    retries Int64 CODEC(T64, ZSTD(1)),
    input_tokens Int64 CODEC(T64, ZSTD(1)),
    cache_read_tokens Int64 CODEC(T64, ZSTD(1)),
    cache_write_tokens Int64 CODEC(T64, ZSTD(1)),
    reasoning_tokens Int64 CODEC(T64, ZSTD(1)),
    errors Map(LowCardinality(String), Int64) CODEC(ZSTD(1)),
    finish_reasons Map(LowCardinality(String), Int64) CODEC(ZSTD(1)),
    rate_limit_used_max_ppm Int64 CODEC(T64, ZSTD(1)),
    latency_count Int64 CODEC(T64, ZSTD(1)),
    latency_sum Int64 CODEC(T64, ZSTD(1)),
    latency_sum_sq Int128 CODEC(ZSTD(1)),
    latency_min Int64 CODEC(T64, ZSTD(1)),
    latency_max Int64 CODEC(T64, ZSTD(1)),
    latency_max_event_id String CODEC(ZSTD(1)),
    latency_histogram Map(Int16, UInt64) CODEC(ZSTD(1)),
    latency_zero_count UInt64 CODEC(ZSTD(1)),
    latency_scale Int8,
    ttft_count Int64 CODEC(T64, ZSTD(1)),
    ttft_sum Int64 CODEC(T64, ZSTD(1)),
    ttft_sum_sq Int128 CODEC(ZSTD(1)),
    ttft_min Int64 CODEC(T64, ZSTD(1)),
    ttft_max Int64 CODEC(T64, ZSTD(1)),
    ttft_max_event_id String CODEC(ZSTD(1)),
    ttft_histogram Map(Int16, UInt64) CODEC(ZSTD(1)),
    ttft_zero_count UInt64 CODEC(ZSTD(1)),
    ttft_scale Int8,
    cost_count Int64 CODEC(T64, ZSTD(1)),
    cost_sum Int64 CODEC(T64, ZSTD(1)),
    cost_sum_sq Int128 CODEC(ZSTD(1)),
    cost_min Int64 CODEC(T64, ZSTD(1)),
    cost_max Int64 CODEC(T64, ZSTD(1)),
    cost_max_event_id String CODEC(ZSTD(1)),
    cost_histogram Map(Int16, UInt64) CODEC(ZSTD(1)),
    cost_zero_count UInt64 CODEC(ZSTD(1)),
    cost_scale Int8,
    output_tokens_count Int64 CODEC(T64, ZSTD(1)),
    output_tokens_sum Int64 CODEC(T64, ZSTD(1)),
    output_tokens_sum_sq Int128 CODEC(ZSTD(1)),
    output_tokens_min Int64 CODEC(T64, ZSTD(1)),
    output_tokens_max Int64 CODEC(T64, ZSTD(1)),
    output_tokens_max_event_id String CODEC(ZSTD(1)),
    output_tokens_histogram Map(Int16, UInt64) CODEC(ZSTD(1)),
    output_tokens_zero_count UInt64 CODEC(ZSTD(1)),
    output_tokens_scale Int8,
    version UInt64 CODEC(ZSTD(1))
) ENGINE = ReplicatedReplacingMergeTree('/clickhouse/tables/{shard}/{database}/windows_1h_local', '{replica}', version)
PARTITION BY toYYYYMM(window_start)
ORDER BY (grouping, window_start, series_id);

CREATE TABLE IF NOT EXISTS windows_1h ON CLUSTER 'main' AS windows_1h_local ENGINE = Distributed('main', currentDatabase(), windows_1h_local, series_id);

CREATE TABLE IF NOT EXISTS windows_1d_local ON CLUSTER 'main' (
    grouping LowCardinality(String),
    series_id UInt64 CODEC(ZSTD(1)),
    window_start DateTime64(3, 'UTC') COMMENT 'of the bucket' CODEC(Delta, ZSTD(1)),
    window_ms Int64 COMMENT 'width of the bucket; of windows that do not fit into buckets their own' CODEC(T64, ZSTD(1)),
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
    n Int64 CODEC(T64, ZSTD(1)),
    fallbacks Int64 CODEC(T64, ZSTD(1)),
    cancelled Int64 CODEC(T64, ZSTD(1)),
    cache_hits Int64 CODEC(T64, ZSTD(1)),
    rate_limited Int64 CODEC(T64, ZSTD(1)),
    retries Int64 CODEC(T64, ZSTD(1)),
    input_tokens Int64 CODEC(T64, ZSTD(1)),
    cache_read_tokens Int64 CODEC(T64, ZSTD(1)),
    cache_write_tokens Int64 CODEC(T64, ZSTD(1)),
    reasoning_tokens Int64 CODEC(T64, ZSTD(1)),
    errors Map(LowCardinality(String), Int64) CODEC(ZSTD(1)),
    finish_reasons Map(LowCardinality(String), Int64) CODEC(ZSTD(1)),
    rate_limit_used_max_ppm Int64 CODEC(T64, ZSTD(1)),
    latency_count Int64 CODEC(T64, ZSTD(1)),
    latency_sum Int64 CODEC(T64, ZSTD(1)),
    latency_sum_sq Int128 CODEC(ZSTD(1)),
    latency_min Int64 CODEC(T64, ZSTD(1)),
    latency_max Int64 CODEC(T64, ZSTD(1)),
    latency_max_event_id String CODEC(ZSTD(1)),
    latency_histogram Map(Int16, UInt64) CODEC(ZSTD(1)),
    latency_zero_count UInt64 CODEC(ZSTD(1)),
    latency_scale Int8,
    ttft_count Int64 CODEC(T64, ZSTD(1)),
    ttft_sum Int64 CODEC(T64, ZSTD(1)),
    ttft_sum_sq Int128 CODEC(ZSTD(1)),
    ttft_min Int64 CODEC(T64, ZSTD(1)),
    ttft_max Int64 CODEC(T64, ZSTD(1)),
    ttft_max_event_id String CODEC(ZSTD(1)),
    ttft_histogram Map(Int16, UInt64) CODEC(ZSTD(1)),
    ttft_zero_count UInt64 CODEC(ZSTD(1)),
    ttft_scale Int8,
    cost_count Int64 CODEC(T64, ZSTD(1)),
    cost_sum Int64 CODEC(T64, ZSTD(1)),
    cost_sum_sq Int128 CODEC(ZSTD(1)),
    cost_min Int64 CODEC(T64, ZSTD(1)),
    cost_max Int64 CODEC(T64, ZSTD(1)),
    cost_max_event_id String CODEC(ZSTD(1)),
    cost_histogram Map(Int16, UInt64) CODEC(ZSTD(1)),
    cost_zero_count UInt64 CODEC(ZSTD(1)),
    cost_scale Int8,
    output_tokens_count Int64 CODEC(T64, ZSTD(1)),
    output_tokens_sum Int64 CODEC(T64, ZSTD(1)),
    output_tokens_sum_sq Int128 CODEC(ZSTD(1)),
    output_tokens_min Int64 CODEC(T64, ZSTD(1)),
    output_tokens_max Int64 CODEC(T64, ZSTD(1)),
    output_tokens_max_event_id String CODEC(ZSTD(1)),
    output_tokens_histogram Map(Int16, UInt64) CODEC(ZSTD(1)),
    output_tokens_zero_count UInt64 CODEC(ZSTD(1)),
    output_tokens_scale Int8,
    version UInt64 CODEC(ZSTD(1))
) ENGINE = ReplicatedReplacingMergeTree('/clickhouse/tables/{shard}/{database}/windows_1d_local', '{replica}', version)
PARTITION BY toYYYYMM(window_start)
ORDER BY (grouping, series_id, window_start)
SETTINGS index_granularity = 128;

CREATE TABLE IF NOT EXISTS windows_1d ON CLUSTER 'main' AS windows_1d_local ENGINE = Distributed('main', currentDatabase(), windows_1d_local, series_id);

CREATE TABLE IF NOT EXISTS score_windows_1m_local ON CLUSTER 'main' (
    grouping LowCardinality(String),
    series_id UInt64 CODEC(ZSTD(1)),
    window_start DateTime64(3, 'UTC') COMMENT 'of the bucket' CODEC(Delta, ZSTD(1)),
    window_ms Int64 COMMENT 'width of the bucket; of windows that do not fit into buckets their own' CODEC(T64, ZSTD(1)),
    name LowCardinality(String),
    origin LowCardinality(String),
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
    n Int64 CODEC(T64, ZSTD(1)),
    value_sum Int64 CODEC(T64, ZSTD(1)),
    value_sum_sq Int128 CODEC(ZSTD(1)),
    value_min Int64 CODEC(T64, ZSTD(1)),
    value_max Int64 CODEC(T64, ZSTD(1)),
    min_event_id String CODEC(ZSTD(1)),
    histogram Map(Int16, UInt64) CODEC(ZSTD(1)),
    negative_histogram Map(Int16, UInt64) CODEC(ZSTD(1)),
    zero_count UInt64 CODEC(ZSTD(1)),
    scale Int8,
    version UInt64 CODEC(ZSTD(1))
) ENGINE = ReplicatedReplacingMergeTree('/clickhouse/tables/{shard}/{database}/score_windows_1m_local', '{replica}', version)
PARTITION BY toYYYYMMDD(window_start)
ORDER BY (grouping, window_start, series_id, name, origin);

CREATE TABLE IF NOT EXISTS score_windows_1m ON CLUSTER 'main' AS score_windows_1m_local ENGINE = Distributed('main', currentDatabase(), score_windows_1m_local, series_id);

CREATE TABLE IF NOT EXISTS score_windows_1h_local ON CLUSTER 'main' (
    grouping LowCardinality(String),
    series_id UInt64 CODEC(ZSTD(1)),
    window_start DateTime64(3, 'UTC') COMMENT 'of the bucket' CODEC(Delta, ZSTD(1)),
    window_ms Int64 COMMENT 'width of the bucket; of windows that do not fit into buckets their own' CODEC(T64, ZSTD(1)),
    name LowCardinality(String),
    origin LowCardinality(String),
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
    n Int64 CODEC(T64, ZSTD(1)),
    value_sum Int64 CODEC(T64, ZSTD(1)),
    value_sum_sq Int128 CODEC(ZSTD(1)),
    value_min Int64 CODEC(T64, ZSTD(1)),
    value_max Int64 CODEC(T64, ZSTD(1)),
    min_event_id String CODEC(ZSTD(1)),
    histogram Map(Int16, UInt64) CODEC(ZSTD(1)),
    negative_histogram Map(Int16, UInt64) CODEC(ZSTD(1)),
    zero_count UInt64 CODEC(ZSTD(1)),
    scale Int8,
    version UInt64 CODEC(ZSTD(1))
) ENGINE = ReplicatedReplacingMergeTree('/clickhouse/tables/{shard}/{database}/score_windows_1h_local', '{replica}', version)
PARTITION BY toYYYYMM(window_start)
ORDER BY (grouping, window_start, series_id, name, origin);

CREATE TABLE IF NOT EXISTS score_windows_1h ON CLUSTER 'main' AS score_windows_1h_local ENGINE = Distributed('main', currentDatabase(), score_windows_1h_local, series_id);

CREATE TABLE IF NOT EXISTS score_windows_1d_local ON CLUSTER 'main' (
    grouping LowCardinality(String),
    series_id UInt64 CODEC(ZSTD(1)),
    window_start DateTime64(3, 'UTC') COMMENT 'of the bucket' CODEC(Delta, ZSTD(1)),
    window_ms Int64 COMMENT 'width of the bucket; of windows that do not fit into buckets their own' CODEC(T64, ZSTD(1)),
    name LowCardinality(String),
    origin LowCardinality(String),
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
    n Int64 CODEC(T64, ZSTD(1)),
    value_sum Int64 CODEC(T64, ZSTD(1)),
    value_sum_sq Int128 CODEC(ZSTD(1)),
    value_min Int64 CODEC(T64, ZSTD(1)),
    value_max Int64 CODEC(T64, ZSTD(1)),
    min_event_id String CODEC(ZSTD(1)),
    histogram Map(Int16, UInt64) CODEC(ZSTD(1)),
    negative_histogram Map(Int16, UInt64) CODEC(ZSTD(1)),
    zero_count UInt64 CODEC(ZSTD(1)),
    scale Int8,
    version UInt64 CODEC(ZSTD(1))
) ENGINE = ReplicatedReplacingMergeTree('/clickhouse/tables/{shard}/{database}/score_windows_1d_local', '{replica}', version)
PARTITION BY toYYYYMM(window_start)
ORDER BY (grouping, window_start, series_id, name, origin);

CREATE TABLE IF NOT EXISTS score_windows_1d ON CLUSTER 'main' AS score_windows_1d_local ENGINE = Distributed('main', currentDatabase(), score_windows_1d_local, series_id);

ALTER TABLE calls_local ON CLUSTER 'main' ADD COLUMN IF NOT EXISTS stored_at DateTime MATERIALIZED now() COMMENT 'by the clock of the store';

ALTER TABLE calls ON CLUSTER 'main' ADD COLUMN IF NOT EXISTS stored_at DateTime MATERIALIZED now() COMMENT 'by the clock of the store';

ALTER TABLE calls_local ON CLUSTER 'main' ADD INDEX IF NOT EXISTS stored_at stored_at TYPE minmax GRANULARITY 1;

ALTER TABLE calls_local ON CLUSTER 'main' MATERIALIZE COLUMN stored_at;

CREATE TABLE IF NOT EXISTS usage_local ON CLUSTER 'main' (
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
) ENGINE = ReplicatedReplacingMergeTree('/clickhouse/tables/{shard}/{database}/usage_local', '{replica}', version)
PARTITION BY toYYYYMM(hour)
ORDER BY (user_id, hour, service, environment, feature, endpoint, provider, model);

CREATE TABLE IF NOT EXISTS usage ON CLUSTER 'main' AS usage_local ENGINE = Distributed('main', currentDatabase(), usage_local, cityHash64(user_id));

ALTER TABLE calls_local ON CLUSTER 'main'
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

ALTER TABLE calls_local ON CLUSTER 'main' ADD INDEX IF NOT EXISTS trace_id trace_id TYPE bloom_filter(0.01) GRANULARITY 1;

ALTER TABLE calls_local ON CLUSTER 'main' ADD INDEX IF NOT EXISTS event_id event_id TYPE bloom_filter(0.01) GRANULARITY 1;

ALTER TABLE calls_local ON CLUSTER 'main' ADD INDEX IF NOT EXISTS user_id user_id TYPE bloom_filter(0.01) GRANULARITY 1;

ALTER TABLE calls_local ON CLUSTER 'main' ADD INDEX IF NOT EXISTS event_time event_time TYPE minmax GRANULARITY 1;

ALTER TABLE calls_local ON CLUSTER 'main' MATERIALIZE INDEX trace_id;

ALTER TABLE calls_local ON CLUSTER 'main' MATERIALIZE INDEX event_id;

ALTER TABLE calls_local ON CLUSTER 'main' MATERIALIZE INDEX user_id;

ALTER TABLE calls_local ON CLUSTER 'main' MATERIALIZE INDEX event_time;

CREATE TABLE IF NOT EXISTS evaluated_local ON CLUSTER 'main' (
    evaluator LowCardinality(String) COMMENT 'its consumer group',
    judged_to SimpleAggregateFunction(max, DateTime64(3, 'UTC'))
) ENGINE = ReplicatedAggregatingMergeTree('/clickhouse/tables/{shard}/{database}/evaluated_local', '{replica}')
ORDER BY evaluator;

CREATE TABLE IF NOT EXISTS evaluated ON CLUSTER 'main' AS evaluated_local ENGINE = Distributed('main', currentDatabase(), evaluated_local, cityHash64(evaluator));

CREATE TABLE IF NOT EXISTS marks_local ON CLUSTER 'main' (
    mark_id String,
    effective_from DateTime64(3, 'UTC') COMMENT 'event time from which on it holds',
    text String COMMENT 'what changed, in a line',
    service LowCardinality(String) COMMENT 'empty: everybody''s calls',
    labels Map(LowCardinality(String), String) COMMENT 'narrows that down',
    author String,
    url String,
    schema_version UInt16
) ENGINE = ReplicatedReplacingMergeTree('/clickhouse/tables/{shard}/{database}/marks_local', '{replica}')
ORDER BY mark_id;

CREATE TABLE IF NOT EXISTS marks ON CLUSTER 'main' AS marks_local ENGINE = Distributed('main', currentDatabase(), marks_local, cityHash64(mark_id));

CREATE VIEW IF NOT EXISTS marks_final ON CLUSTER 'main' AS
SELECT * FROM marks FINAL;

CREATE TABLE IF NOT EXISTS cost_adjustments_local ON CLUSTER 'main' (
    event_id String COMMENT 'the call',
    event_time DateTime64(3, 'UTC') COMMENT 'of the call',
    made_at DateTime64(3, 'UTC') COMMENT 'when it was adjusted',
    made_by String COMMENT 'who asked for it',
    cost_nano Int64 COMMENT 'what the call costs from now on, nano-dollars',
    delta_nano Int64 COMMENT 'that, less what the call came with (0 if it came without)',
    cost_nano_before Nullable(Int64) COMMENT 'what it cost before this adjustment; NULL: not known',
    price_source LowCardinality(String) COMMENT 'table, version and date of the price',
    price_source_before LowCardinality(String),
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
    user_id String,
    session_id String
) ENGINE = ReplicatedReplacingMergeTree('/clickhouse/tables/{shard}/{database}/cost_adjustments_local', '{replica}')
PARTITION BY toYYYYMM(event_time)
ORDER BY (event_time, event_id, made_at);

CREATE TABLE IF NOT EXISTS cost_adjustments ON CLUSTER 'main' AS cost_adjustments_local ENGINE = Distributed('main', currentDatabase(), cost_adjustments_local, cityHash64(event_time, event_id, made_at));

CREATE OR REPLACE VIEW cost_adjustments_latest ON CLUSTER 'main' AS
SELECT * FROM (SELECT * FROM cost_adjustments FINAL) ORDER BY made_at DESC LIMIT 1 BY event_time, event_id;

CREATE OR REPLACE VIEW calls_priced ON CLUSTER 'main' AS
SELECT
    c.* EXCEPT (cost_usd, cost_nano, price_source),
    if(a.event_id = '', c.cost_nano, a.cost_nano) AS cost_nano,
    if(a.event_id = '', c.cost_usd, a.cost_nano / 1e9) AS cost_usd,
    if(a.event_id = '', c.price_source, a.price_source) AS price_source,
    c.cost_usd AS cost_usd_as_sent,
    a.event_id != '' AS cost_adjusted
FROM (SELECT * FROM calls FINAL) AS c
LEFT JOIN (SELECT event_id, event_time, cost_nano, price_source FROM cost_adjustments_latest) AS a
    ON a.event_id = c.event_id AND a.event_time = c.event_time;

ALTER TABLE scores_local ON CLUSTER 'main' ADD COLUMN IF NOT EXISTS sample_rate Float64 DEFAULT 1
    COMMENT 'share of calls that are judged: each row stands for 1 / sample_rate' AFTER comment;

ALTER TABLE scores ON CLUSTER 'main' ADD COLUMN IF NOT EXISTS sample_rate Float64 DEFAULT 1
    COMMENT 'share of calls that are judged: each row stands for 1 / sample_rate' AFTER comment;

CREATE OR REPLACE VIEW scores_final ON CLUSTER 'main' AS
SELECT * FROM scores FINAL;

ALTER TABLE alerts_local ON CLUSTER 'main' ADD COLUMN IF NOT EXISTS detector LowCardinality(String) DEFAULT 'threshold' COMMENT 'what judged',
    ADD COLUMN IF NOT EXISTS baseline Nullable(Float64) COMMENT 'what the detector expected',
    ADD COLUMN IF NOT EXISTS score Nullable(Float64) COMMENT 'how far from normal, on its own scale',
    ADD COLUMN IF NOT EXISTS points Array(Array(Float64)) COMMENT 'epoch seconds and value, the oldest first',
    ADD COLUMN IF NOT EXISTS event_ids Array(String) COMMENT 'calls that contributed most',
    ADD COLUMN IF NOT EXISTS heard Float64 DEFAULT 1 COMMENT 'share of the sources heard of lately',
    ADD COLUMN IF NOT EXISTS held Array(String) COMMENT 'of several conditions, those that held',
    ADD COLUMN IF NOT EXISTS flapping Bool DEFAULT false,
    ADD COLUMN IF NOT EXISTS last_fired_at Nullable(DateTime64(3, 'UTC')),
    ADD COLUMN IF NOT EXISTS provider LowCardinality(String),
    ADD COLUMN IF NOT EXISTS service LowCardinality(String),
    ADD COLUMN IF NOT EXISTS role LowCardinality(String) COMMENT 'cause or symptom, as its rule says',
    ADD COLUMN IF NOT EXISTS suspected_cause String,
    ADD COLUMN IF NOT EXISTS log String COMMENT 'cluster id / topic id / partition it was decided from',
    ADD COLUMN IF NOT EXISTS offset Int64 DEFAULT -1 COMMENT 'of the record that caused it';

ALTER TABLE alerts ON CLUSTER 'main' ADD COLUMN IF NOT EXISTS detector LowCardinality(String) DEFAULT 'threshold' COMMENT 'what judged',
    ADD COLUMN IF NOT EXISTS baseline Nullable(Float64) COMMENT 'what the detector expected',
    ADD COLUMN IF NOT EXISTS score Nullable(Float64) COMMENT 'how far from normal, on its own scale',
    ADD COLUMN IF NOT EXISTS points Array(Array(Float64)) COMMENT 'epoch seconds and value, the oldest first',
    ADD COLUMN IF NOT EXISTS event_ids Array(String) COMMENT 'calls that contributed most',
    ADD COLUMN IF NOT EXISTS heard Float64 DEFAULT 1 COMMENT 'share of the sources heard of lately',
    ADD COLUMN IF NOT EXISTS held Array(String) COMMENT 'of several conditions, those that held',
    ADD COLUMN IF NOT EXISTS flapping Bool DEFAULT false,
    ADD COLUMN IF NOT EXISTS last_fired_at Nullable(DateTime64(3, 'UTC')),
    ADD COLUMN IF NOT EXISTS provider LowCardinality(String),
    ADD COLUMN IF NOT EXISTS service LowCardinality(String),
    ADD COLUMN IF NOT EXISTS role LowCardinality(String) COMMENT 'cause or symptom, as its rule says',
    ADD COLUMN IF NOT EXISTS suspected_cause String,
    ADD COLUMN IF NOT EXISTS log String COMMENT 'cluster id / topic id / partition it was decided from',
    ADD COLUMN IF NOT EXISTS offset Int64 DEFAULT -1 COMMENT 'of the record that caused it';

CREATE OR REPLACE VIEW alerts_latest ON CLUSTER 'main' AS
SELECT * FROM alerts FINAL
ORDER BY seq DESC
LIMIT 1 BY fingerprint, starts_at;

CREATE OR REPLACE VIEW alert_episodes ON CLUSTER 'main' AS
SELECT
    a.alert_id AS alert_id,
    a.at AS at,
    a.* EXCEPT (alert_id, at),
    multiIf(a.state = 'resolved' OR d.done > 0, 'resolved', k.done > 0, 'acknowledged', a.state) AS shown,
    k.who AS acknowledged_by,
    if(k.done > 0, k.at, NULL) AS acknowledged_at,
    d.who AS resolved_by,
    if(d.done > 0, d.at, NULL) AS resolved_by_hand_at,
    d.why AS resolved_why
FROM (SELECT * FROM alerts_latest) AS a
LEFT JOIN (
    SELECT alert_id, argMin(r.who, (r.at, r.action_id)) AS who, min(r.at) AS at, count() AS done
    FROM alert_actions_final AS r WHERE r.action = 'acknowledge' GROUP BY alert_id
) AS k ON k.alert_id = a.alert_id
LEFT JOIN (
    SELECT alert_id, argMin(r.who, (r.at, r.action_id)) AS who, argMin(r.why, (r.at, r.action_id)) AS why,
        min(r.at) AS at, count() AS done
    FROM alert_actions_final AS r WHERE r.action = 'resolve' GROUP BY alert_id
) AS d ON d.alert_id = a.alert_id;

CREATE OR REPLACE VIEW alerts_now ON CLUSTER 'main' AS
SELECT * FROM (SELECT * FROM alert_episodes ORDER BY starts_at DESC LIMIT 1 BY fingerprint)
WHERE shown != 'resolved';

CREATE TABLE IF NOT EXISTS window_counts_1m_local ON CLUSTER 'main' (
    grouping LowCardinality(String),
    window_start DateTime64(3, 'UTC') COMMENT 'of the rows that were counted' CODEC(Delta, ZSTD(1)),
    series Int64 COMMENT 'rows that hold something' CODEC(T64, ZSTD(1)),
    n Int64 COMMENT 'what they add up to, without steps of traces' CODEC(T64, ZSTD(1)),
    folded Map(LowCardinality(String), Int64) COMMENT 'label -> n of the series in which its values were folded' CODEC(ZSTD(1)),
    version UInt64 CODEC(ZSTD(1))
) ENGINE = ReplicatedReplacingMergeTree('/clickhouse/tables/{shard}/{database}/window_counts_1m_local', '{replica}', version)
PARTITION BY toYYYYMM(window_start)
ORDER BY (grouping, window_start);

CREATE TABLE IF NOT EXISTS window_counts_1m ON CLUSTER 'main' AS window_counts_1m_local ENGINE = Distributed('main', currentDatabase(), window_counts_1m_local, cityHash64(grouping));

CREATE TABLE IF NOT EXISTS window_counts_1h_local ON CLUSTER 'main' (
    grouping LowCardinality(String),
    window_start DateTime64(3, 'UTC') COMMENT 'of the rows that were counted' CODEC(Delta, ZSTD(1)),
    series Int64 COMMENT 'rows that hold something' CODEC(T64, ZSTD(1)),
    n Int64 COMMENT 'what they add up to, without steps of traces' CODEC(T64, ZSTD(1)),
    folded Map(LowCardinality(String), Int64) COMMENT 'label -> n of the series in which its values were folded' CODEC(ZSTD(1)),
    version UInt64 CODEC(ZSTD(1))
) ENGINE = ReplicatedReplacingMergeTree('/clickhouse/tables/{shard}/{database}/window_counts_1h_local', '{replica}', version)
PARTITION BY toYYYYMM(window_start)
ORDER BY (grouping, window_start);

CREATE TABLE IF NOT EXISTS window_counts_1h ON CLUSTER 'main' AS window_counts_1h_local ENGINE = Distributed('main', currentDatabase(), window_counts_1h_local, cityHash64(grouping));

CREATE TABLE IF NOT EXISTS window_counts_1d_local ON CLUSTER 'main' (
    grouping LowCardinality(String),
    window_start DateTime64(3, 'UTC') COMMENT 'of the rows that were counted' CODEC(Delta, ZSTD(1)),
    series Int64 COMMENT 'rows that hold something' CODEC(T64, ZSTD(1)),
    n Int64 COMMENT 'what they add up to, without steps of traces' CODEC(T64, ZSTD(1)),
    folded Map(LowCardinality(String), Int64) COMMENT 'label -> n of the series in which its values were folded' CODEC(ZSTD(1)),
    version UInt64 CODEC(ZSTD(1))
) ENGINE = ReplicatedReplacingMergeTree('/clickhouse/tables/{shard}/{database}/window_counts_1d_local', '{replica}', version)
PARTITION BY toYYYYMM(window_start)
ORDER BY (grouping, window_start);

CREATE TABLE IF NOT EXISTS window_counts_1d ON CLUSTER 'main' AS window_counts_1d_local ENGINE = Distributed('main', currentDatabase(), window_counts_1d_local, cityHash64(grouping));

CREATE TABLE IF NOT EXISTS trace_days_local ON CLUSTER 'main' (
    trace UInt64 COMMENT 'sipHash64 of the trace_id' CODEC(Delta, ZSTD(1)),
    day Date COMMENT 'of the event_time of some of its calls' CODEC(T64, ZSTD(1))
) ENGINE = ReplicatedReplacingMergeTree('/clickhouse/tables/{shard}/{database}/trace_days_local', '{replica}')
PARTITION BY toYYYYMM(day)
ORDER BY (trace, day)
SETTINGS index_granularity = 1024;

CREATE TABLE IF NOT EXISTS trace_days ON CLUSTER 'main' AS trace_days_local ENGINE = Distributed('main', currentDatabase(), trace_days_local, trace);

CREATE MATERIALIZED VIEW IF NOT EXISTS trace_days_of_calls ON CLUSTER 'main' TO trace_days_local AS
SELECT sipHash64(trace_id) AS trace, toDate(event_time) AS day FROM calls_local WHERE trace_id != '';

CREATE TABLE IF NOT EXISTS usage_1h_local ON CLUSTER 'main' (
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
) ENGINE = ReplicatedReplacingMergeTree('/clickhouse/tables/{shard}/{database}/usage_1h_local', '{replica}', version)
PARTITION BY toYYYYMMDD(hour)
ORDER BY (user_id, hour, service, environment, feature, endpoint, provider, model);

CREATE TABLE IF NOT EXISTS usage_1h ON CLUSTER 'main' AS usage_1h_local ENGINE = Distributed('main', currentDatabase(), usage_1h_local, cityHash64(user_id));

CREATE TABLE IF NOT EXISTS calls_1h_local ON CLUSTER 'main' (
    hour DateTime('UTC'),
    calls Int64 COMMENT 'of models: what windows must add up to',
    version UInt64
) ENGINE = ReplicatedReplacingMergeTree('/clickhouse/tables/{shard}/{database}/calls_1h_local', '{replica}', version)
PARTITION BY toYYYYMM(hour)
ORDER BY hour;

CREATE TABLE IF NOT EXISTS calls_1h ON CLUSTER 'main' AS calls_1h_local ENGINE = Distributed('main', currentDatabase(), calls_1h_local, toUnixTimestamp(hour));

CREATE TABLE IF NOT EXISTS usage_1d_local ON CLUSTER 'main' (
    user_id String CODEC(ZSTD(1)),
    day DateTime('UTC') CODEC(T64, ZSTD(1)),
    calls Int64 CODEC(T64, ZSTD(1)),
    errors Int64 CODEC(T64, ZSTD(1)),
    input_tokens Int64 CODEC(T64, ZSTD(1)),
    output_tokens Int64 CODEC(T64, ZSTD(1)),
    cost_nano Int64 CODEC(T64, ZSTD(1)),
    version UInt64 CODEC(T64, ZSTD(1))
) ENGINE = ReplicatedReplacingMergeTree('/clickhouse/tables/{shard}/{database}/usage_1d_local', '{replica}', version)
PARTITION BY toYYYYMM(day)
ORDER BY (user_id, day);

CREATE TABLE IF NOT EXISTS usage_1d ON CLUSTER 'main' AS usage_1d_local ENGINE = Distributed('main', currentDatabase(), usage_1d_local, cityHash64(user_id));

ALTER TABLE windows_1m_local ON CLUSTER 'main' MODIFY SETTING min_age_to_force_merge_seconds = 3600, min_age_to_force_merge_on_partition_only = 1;

ALTER TABLE windows_1h_local ON CLUSTER 'main' MODIFY SETTING min_age_to_force_merge_seconds = 3600, min_age_to_force_merge_on_partition_only = 1;

ALTER TABLE windows_1d_local ON CLUSTER 'main' MODIFY SETTING min_age_to_force_merge_seconds = 3600, min_age_to_force_merge_on_partition_only = 1;

ALTER TABLE score_windows_1m_local ON CLUSTER 'main' MODIFY SETTING min_age_to_force_merge_seconds = 3600, min_age_to_force_merge_on_partition_only = 1;

ALTER TABLE score_windows_1h_local ON CLUSTER 'main' MODIFY SETTING min_age_to_force_merge_seconds = 3600, min_age_to_force_merge_on_partition_only = 1;

ALTER TABLE score_windows_1d_local ON CLUSTER 'main' MODIFY SETTING min_age_to_force_merge_seconds = 3600, min_age_to_force_merge_on_partition_only = 1;

ALTER TABLE usage_1h_local ON CLUSTER 'main' MODIFY SETTING min_age_to_force_merge_seconds = 3600, min_age_to_force_merge_on_partition_only = 1;

ALTER TABLE usage_1d_local ON CLUSTER 'main' MODIFY SETTING min_age_to_force_merge_seconds = 3600, min_age_to_force_merge_on_partition_only = 1;

CREATE OR REPLACE VIEW cost_adjustments_latest ON CLUSTER 'main' AS
SELECT
    a.event_id AS event_id,
    a.event_time AS event_time,
    max(a.made_at) AS made_at,
    argMax(a.made_by, a.made_at) AS made_by,
    argMax(a.cost_nano, a.made_at) AS cost_nano,
    argMax(a.delta_nano, a.made_at) AS delta_nano,
    argMax(tuple(a.cost_nano_before), a.made_at).1 AS cost_nano_before,
    if(isNull(argMin(tuple(a.cost_nano_before), a.made_at).1), NULL,
        argMin(a.cost_nano, a.made_at) - argMin(a.delta_nano, a.made_at)) AS cost_nano_as_sent,
    argMax(a.price_source, a.made_at) AS price_source,
    argMax(a.price_source_before, a.made_at) AS price_source_before,
    argMax(a.service, a.made_at) AS service,
    argMax(a.environment, a.made_at) AS environment,
    argMax(a.feature, a.made_at) AS feature,
    argMax(a.endpoint, a.made_at) AS endpoint,
    argMax(a.operation, a.made_at) AS operation,
    argMax(a.provider, a.made_at) AS provider,
    argMax(a.model, a.made_at) AS model,
    argMax(a.response_model, a.made_at) AS response_model,
    argMax(a.prompt_version, a.made_at) AS prompt_version,
    argMax(a.variant, a.made_at) AS variant,
    argMax(a.user_id, a.made_at) AS user_id,
    argMax(a.session_id, a.made_at) AS session_id
FROM cost_adjustments AS a
GROUP BY a.event_time, a.event_id;

CREATE TABLE IF NOT EXISTS prices_used_local ON CLUSTER 'main' (
    price_source LowCardinality(String) COMMENT 'as calls have it: table, version, day',
    provider LowCardinality(String) COMMENT 'of the calls',
    model LowCardinality(String) COMMENT 'that they asked for',
    response_model LowCardinality(String) COMMENT 'that answered',
    is_fallback Bool COMMENT 'only the model that answered was paid',
    kind LowCardinality(String) COMMENT 'input_tokens, output_tokens, ... ; call: each call, whatever its tokens',
    above Int64 COMMENT 'calls with more input tokens than this pay it; -1: all that no other line names',
    from_second UInt32 COMMENT 'of the day, UTC: it counts from then on',
    dollars Decimal(38, 12) COMMENT 'per million tokens; of the kind call: per call',
    entry String COMMENT 'what was found in the table: provider/model, or the line of a file'
) ENGINE = ReplicatedReplacingMergeTree('/clickhouse/tables/{shard}/{database}/prices_used_local', '{replica}')
ORDER BY (price_source, provider, model, response_model, is_fallback, kind, above, from_second);

CREATE TABLE IF NOT EXISTS prices_used ON CLUSTER 'main' AS prices_used_local ENGINE = Distributed('main', currentDatabase(), prices_used_local, cityHash64(price_source, provider, model, response_model, is_fallback, kind, above, from_second));

ALTER TABLE usage_1d_local ON CLUSTER 'main' MODIFY COLUMN user_id LowCardinality(String);

ALTER TABLE usage_1d ON CLUSTER 'main' MODIFY COLUMN user_id LowCardinality(String);

ALTER TABLE windows_local ON CLUSTER 'main' ADD COLUMN IF NOT EXISTS cache_hits_exact Int64 COMMENT 'by a cache that looks for the same request' AFTER cache_hits;

ALTER TABLE windows ON CLUSTER 'main' ADD COLUMN IF NOT EXISTS cache_hits_exact Int64 COMMENT 'by a cache that looks for the same request' AFTER cache_hits;

ALTER TABLE windows_local ON CLUSTER 'main' ADD COLUMN IF NOT EXISTS cache_hits_semantic Int64 COMMENT 'by one that looks for a request of the same meaning' AFTER cache_hits_exact;

ALTER TABLE windows ON CLUSTER 'main' ADD COLUMN IF NOT EXISTS cache_hits_semantic Int64 COMMENT 'by one that looks for a request of the same meaning' AFTER cache_hits_exact;

ALTER TABLE windows_1m_local ON CLUSTER 'main' ADD COLUMN IF NOT EXISTS cache_hits_exact Int64 COMMENT 'by a cache that looks for the same request' AFTER cache_hits;

ALTER TABLE windows_1m ON CLUSTER 'main' ADD COLUMN IF NOT EXISTS cache_hits_exact Int64 COMMENT 'by a cache that looks for the same request' AFTER cache_hits;

ALTER TABLE windows_1m_local ON CLUSTER 'main' ADD COLUMN IF NOT EXISTS cache_hits_semantic Int64 COMMENT 'by one that looks for a request of the same meaning' AFTER cache_hits_exact;

ALTER TABLE windows_1m ON CLUSTER 'main' ADD COLUMN IF NOT EXISTS cache_hits_semantic Int64 COMMENT 'by one that looks for a request of the same meaning' AFTER cache_hits_exact;

ALTER TABLE windows_1h_local ON CLUSTER 'main' ADD COLUMN IF NOT EXISTS cache_hits_exact Int64 COMMENT 'by a cache that looks for the same request' AFTER cache_hits;

ALTER TABLE windows_1h ON CLUSTER 'main' ADD COLUMN IF NOT EXISTS cache_hits_exact Int64 COMMENT 'by a cache that looks for the same request' AFTER cache_hits;

ALTER TABLE windows_1h_local ON CLUSTER 'main' ADD COLUMN IF NOT EXISTS cache_hits_semantic Int64 COMMENT 'by one that looks for a request of the same meaning' AFTER cache_hits_exact;

ALTER TABLE windows_1h ON CLUSTER 'main' ADD COLUMN IF NOT EXISTS cache_hits_semantic Int64 COMMENT 'by one that looks for a request of the same meaning' AFTER cache_hits_exact;

ALTER TABLE windows_1d_local ON CLUSTER 'main' ADD COLUMN IF NOT EXISTS cache_hits_exact Int64 COMMENT 'by a cache that looks for the same request' AFTER cache_hits;

ALTER TABLE windows_1d ON CLUSTER 'main' ADD COLUMN IF NOT EXISTS cache_hits_exact Int64 COMMENT 'by a cache that looks for the same request' AFTER cache_hits;

ALTER TABLE windows_1d_local ON CLUSTER 'main' ADD COLUMN IF NOT EXISTS cache_hits_semantic Int64 COMMENT 'by one that looks for a request of the same meaning' AFTER cache_hits_exact;

ALTER TABLE windows_1d ON CLUSTER 'main' ADD COLUMN IF NOT EXISTS cache_hits_semantic Int64 COMMENT 'by one that looks for a request of the same meaning' AFTER cache_hits_exact;

ALTER TABLE windows_local ON CLUSTER 'main' MODIFY COLUMN cache_hits_exact CODEC(T64, ZSTD(1));

ALTER TABLE windows_local ON CLUSTER 'main' MODIFY COLUMN cache_hits_semantic CODEC(T64, ZSTD(1));

ALTER TABLE windows_1m_local ON CLUSTER 'main' MODIFY COLUMN cache_hits_exact CODEC(T64, ZSTD(1));

ALTER TABLE windows_1m_local ON CLUSTER 'main' MODIFY COLUMN cache_hits_semantic CODEC(T64, ZSTD(1));

ALTER TABLE windows_1h_local ON CLUSTER 'main' MODIFY COLUMN cache_hits_exact CODEC(T64, ZSTD(1));

ALTER TABLE windows_1h_local ON CLUSTER 'main' MODIFY COLUMN cache_hits_semantic CODEC(T64, ZSTD(1));

ALTER TABLE windows_1d_local ON CLUSTER 'main' MODIFY COLUMN cache_hits_exact CODEC(T64, ZSTD(1));

ALTER TABLE windows_1d_local ON CLUSTER 'main' MODIFY COLUMN cache_hits_semantic CODEC(T64, ZSTD(1));

CREATE OR REPLACE VIEW windows_final ON CLUSTER 'main' AS
SELECT w.*
FROM (SELECT * FROM windows FINAL) AS w
ASOF LEFT JOIN epoch_ranges AS r ON w.source = r.source AND w.block >= r.from_offset
WHERE r.epoch_in_force = '' OR r.epoch_in_force = w.epoch;

CREATE OR REPLACE VIEW windows_merged ON CLUSTER 'main' AS
SELECT
    grouping,
    series_id,
    window_start,
    addMilliseconds(window_start, window_ms) AS window_end,
    window_ms / 1000 AS window_s,
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
    sum(n) AS calls,
    arraySum(mapValues(sumMap(w.errors))) AS errors,
    errors / calls AS error_rate,
    sumMap(w.errors) AS errors_by_type,
    sumMap(w.finish_reasons) AS finish_reasons,
    sum(w.fallbacks) AS fallbacks,
    sum(w.cancelled) AS cancelled,
    cancelled / calls AS cancelled_rate,
    sum(w.cache_hits) AS cache_hits,
    sum(w.cache_hits_exact) AS cache_hits_exact,
    sum(w.cache_hits_semantic) AS cache_hits_semantic,
    sum(w.rate_limited) AS rate_limited,
    sum(w.retries) AS retries,
    if(minIf(w.latency_scale, w.latency_count > 0) = maxIf(w.latency_scale, w.latency_count > 0),
        callgauge_quantile(0.5, sumMap(w.latency_histogram), sum(w.latency_zero_count), maxIf(w.latency_scale, w.latency_count > 0)), NULL) / 1e3 AS latency_p50_ms,
    if(minIf(w.latency_scale, w.latency_count > 0) = maxIf(w.latency_scale, w.latency_count > 0),
        callgauge_quantile(0.95, sumMap(w.latency_histogram), sum(w.latency_zero_count), maxIf(w.latency_scale, w.latency_count > 0)), NULL) / 1e3 AS latency_p95_ms,
    if(minIf(w.latency_scale, w.latency_count > 0) = maxIf(w.latency_scale, w.latency_count > 0),
        callgauge_quantile(0.99, sumMap(w.latency_histogram), sum(w.latency_zero_count), maxIf(w.latency_scale, w.latency_count > 0)), NULL) / 1e3 AS latency_p99_ms,
    if(sum(w.latency_count) = 0, NULL, sum(w.latency_sum) / sum(w.latency_count) / 1e3) AS latency_mean_ms,
    if(minIf(w.ttft_scale, w.ttft_count > 0) = maxIf(w.ttft_scale, w.ttft_count > 0),
        callgauge_quantile(0.5, sumMap(w.ttft_histogram), sum(w.ttft_zero_count), maxIf(w.ttft_scale, w.ttft_count > 0)), NULL) / 1e3 AS ttft_p50_ms,
    if(minIf(w.ttft_scale, w.ttft_count > 0) = maxIf(w.ttft_scale, w.ttft_count > 0),
        callgauge_quantile(0.95, sumMap(w.ttft_histogram), sum(w.ttft_zero_count), maxIf(w.ttft_scale, w.ttft_count > 0)), NULL) / 1e3 AS ttft_p95_ms,
    if(minIf(w.ttft_scale, w.ttft_count > 0) = maxIf(w.ttft_scale, w.ttft_count > 0),
        callgauge_quantile(0.99, sumMap(w.ttft_histogram), sum(w.ttft_zero_count), maxIf(w.ttft_scale, w.ttft_count > 0)), NULL) / 1e3 AS ttft_p99_ms,
    if(sum(w.ttft_count) = 0, NULL, sum(w.ttft_sum) / sum(w.ttft_count) / 1e3) AS ttft_mean_ms,
    if(sum(w.latency_count) = 0, NULL, max(w.latency_max) / 1e3) AS latency_max_ms,
    argMax(w.latency_max_event_id, (w.latency_max, -w.block)) AS latency_max_event_id,
    sum(w.input_tokens) AS input_tokens,
    sum(w.output_tokens_sum) AS output_tokens,
    sum(w.cache_read_tokens) AS cache_read_tokens,
    sum(w.cache_write_tokens) AS cache_write_tokens,
    sum(w.reasoning_tokens) AS reasoning_tokens,
    if(minIf(w.output_tokens_scale, w.output_tokens_count > 0) = maxIf(w.output_tokens_scale, w.output_tokens_count > 0),
        callgauge_quantile(0.95, sumMap(w.output_tokens_histogram), sum(w.output_tokens_zero_count), maxIf(w.output_tokens_scale, w.output_tokens_count > 0)), NULL) AS output_tokens_p95,
    sum(w.cost_sum) / 1e9 AS cost_usd,
    argMax(w.cost_max_event_id, (w.cost_max, -w.block)) AS cost_max_event_id,
    max(w.rate_limit_used_max_ppm) / 1e6 AS rate_limit_used_max
FROM windows_final AS w
GROUP BY grouping, series_id, window_start, window_ms;

ALTER TABLE alert_actions_local ON CLUSTER 'main' ADD COLUMN IF NOT EXISTS processes LowCardinality(String) COMMENT 'live, silent, ended';

ALTER TABLE alert_actions ON CLUSTER 'main' ADD COLUMN IF NOT EXISTS processes LowCardinality(String) COMMENT 'live, silent, ended';

CREATE OR REPLACE VIEW alert_actions_final ON CLUSTER 'main' AS
SELECT * FROM alert_actions FINAL;

CREATE OR REPLACE VIEW alert_episodes ON CLUSTER 'main' AS
SELECT
    a.alert_id AS alert_id,
    a.at AS at,
    a.* EXCEPT (alert_id, at),
    multiIf(a.state = 'resolved' OR d.done > 0, 'resolved', k.done > 0, 'acknowledged', a.state) AS shown,
    k.who AS acknowledged_by,
    if(k.done > 0, k.at, NULL) AS acknowledged_at,
    d.who AS resolved_by,
    if(d.done > 0, d.at, NULL) AS resolved_by_hand_at,
    d.why AS resolved_why,
    p.found AS processes,
    p.line AS processes_why
FROM (SELECT * FROM alerts_latest) AS a
LEFT JOIN (
    SELECT alert_id, argMin(r.who, (r.at, r.action_id)) AS who, min(r.at) AS at, count() AS done
    FROM alert_actions_final AS r WHERE r.action = 'acknowledge' GROUP BY alert_id
) AS k ON k.alert_id = a.alert_id
LEFT JOIN (
    SELECT alert_id, argMin(r.who, (r.at, r.action_id)) AS who, argMin(r.why, (r.at, r.action_id)) AS why,
        min(r.at) AS at, count() AS done
    FROM alert_actions_final AS r WHERE r.action = 'resolve' GROUP BY alert_id
) AS d ON d.alert_id = a.alert_id
LEFT JOIN (
    SELECT alert_id, argMax(r.processes, (r.at, r.action_id)) AS found, argMax(r.why, (r.at, r.action_id)) AS line
    FROM alert_actions_final AS r WHERE r.action = 'processes' GROUP BY alert_id
) AS p ON p.alert_id = a.alert_id;

CREATE OR REPLACE VIEW alerts_now ON CLUSTER 'main' AS
SELECT * FROM (SELECT * FROM alert_episodes ORDER BY starts_at DESC LIMIT 1 BY fingerprint)
WHERE shown != 'resolved';
