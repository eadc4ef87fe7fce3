-- Marks of changes: deploys, new prompts, other models. A mark that is sent again replaces itself.
CREATE TABLE IF NOT EXISTS marks (
    mark_id String,
    effective_from DateTime64(3, 'UTC') COMMENT 'event time from which on it holds',
    text String COMMENT 'what changed, in a line',
    service LowCardinality(String) COMMENT 'empty: everybody''s calls',
    labels Map(LowCardinality(String), String) COMMENT 'narrows that down',
    author String,
    url String,
    schema_version UInt16
) ENGINE = ReplacingMergeTree
ORDER BY mark_id;

CREATE VIEW IF NOT EXISTS marks_final AS
SELECT * FROM marks FINAL;
