-- What calls cost by prices that became known later. The call keeps the cost that it came with; the last adjustment counts.
CREATE TABLE IF NOT EXISTS cost_adjustments (
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
) ENGINE = ReplacingMergeTree
PARTITION BY toYYYYMM(event_time)
ORDER BY (event_time, event_id, made_at);

-- The adjustment of each call that counts.
CREATE OR REPLACE VIEW cost_adjustments_latest AS
SELECT * FROM (SELECT * FROM cost_adjustments FINAL) ORDER BY made_at DESC LIMIT 1 BY event_time, event_id;

-- Calls with what they cost as far as is known today.
CREATE OR REPLACE VIEW calls_priced AS
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
