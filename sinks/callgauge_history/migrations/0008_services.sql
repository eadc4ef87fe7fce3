-- Processes with a Gauge: which services are alive, and how much of what they told was lost on the way.

CREATE TABLE IF NOT EXISTS heartbeats (
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
) ENGINE = ReplacingMergeTree
PARTITION BY toYYYYMMDD(appended_at)
ORDER BY (service, instance, ts)
TTL toDateTime(appended_at) + INTERVAL 7 DAY;

-- One row per process of the last week: what it told last. state: alive; closed, by itself; silent, for three intervals and
-- more: it is dead, or cut off from the bus; gone, when it has been silent for an hour.
CREATE OR REPLACE VIEW gauges AS
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

-- One row per service: how many of its processes live, and what all of them, those that ended too, have told and lost.
CREATE OR REPLACE VIEW services AS
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

-- Calls whose token counts contradict each other: more cached than input tokens, or more reasoning than output tokens. They
-- are counted as they came (block_summaries.token_violations is the same count, by block), and whose they are is here.
CREATE OR REPLACE VIEW token_violations AS
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
