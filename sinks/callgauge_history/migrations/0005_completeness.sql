-- What completeness is checked with: what was folded, what retention ate, and which record each stored call came from.

ALTER TABLE block_summaries ADD COLUMN IF NOT EXISTS
    folded Int64 COMMENT 'counted in a series named __other__ in some grouping set' AFTER token_violations;

ALTER TABLE epochs ADD COLUMN IF NOT EXISTS
    lost_from Int64 DEFAULT -1 COMMENT 'retention ate the offsets from here up to from_offset; -1: none';

ALTER TABLE dead_letters ADD COLUMN IF NOT EXISTS
    source LowCardinality(String) COMMENT 'cluster id / topic id / partition of the origin; empty: not known';

-- Between its first and its next offset a sink has stored all records of a source, and sent their dead letters. Each is
-- an extreme of what was ever written, so that a batch written again takes nothing back.
CREATE TABLE IF NOT EXISTS stored_offsets (
    sink LowCardinality(String),
    source LowCardinality(String),
    first_offset SimpleAggregateFunction(min, Int64),
    next_offset SimpleAggregateFunction(max, Int64),
    stored_at SimpleAggregateFunction(max, DateTime64(3, 'UTC')) DEFAULT now64(3)
) ENGINE = AggregatingMergeTree
ORDER BY (sink, source);

-- Of several records of one event the one with the lowest offset stays, as in rollup: the later ones are duplicates.
-- `version` grows as the offset falls. Below that it is the source's hash, so that also of equal offsets of two sources
-- the same record stays in whatever order they come; a row without a source (of before this migration) gives way.
--
-- An engine cannot be changed in place, so `calls` is made anew, filled and renamed into place. How far that has come is
-- read off the names: `calls_0005` is being filled; `calls_0004` has been replaced, and may hold rows that a sink wrote
-- after the copy. A copy may be made again: its rows replace themselves.

-- when: SELECT count() FROM system.tables WHERE database = currentDatabase() AND name = 'calls' AND engine_full NOT LIKE '%(version)%'
ALTER TABLE calls ADD COLUMN IF NOT EXISTS
    source LowCardinality(String) COMMENT 'cluster id / topic id / partition; empty: stored before callgauge kept it';

-- when: SELECT count() FROM system.tables WHERE database = currentDatabase() AND name = 'calls' AND engine_full NOT LIKE '%(version)%'
ALTER TABLE calls ADD COLUMN IF NOT EXISTS
    version UInt128 MATERIALIZED bitOr(
        bitShiftLeft(toUInt128(9223372036854775807 - kafka_offset), 64),
        toUInt128(if(source = '', 0, greatest(sipHash64(source), 1)))
    ) COMMENT 'the lowest offset wins';

-- when: SELECT count() FROM system.tables WHERE database = currentDatabase() AND name = 'calls' AND engine_full NOT LIKE '%(version)%'
CREATE TABLE IF NOT EXISTS calls_0005 AS calls
ENGINE = ReplacingMergeTree(version)
PARTITION BY toYYYYMMDD(event_time)
ORDER BY (service, model, ts, event_id);

-- when: SELECT count() FROM system.tables WHERE database = currentDatabase() AND name = 'calls' AND engine_full NOT LIKE '%(version)%'
INSERT INTO calls_0005 SELECT * FROM calls SETTINGS max_partitions_per_insert_block = 0;

-- when: SELECT count() FROM system.tables WHERE database = currentDatabase() AND name = 'calls' AND engine_full NOT LIKE '%(version)%'
RENAME TABLE calls TO calls_0004, calls_0005 TO calls;

-- The server died between the two renames.
-- when: SELECT count() = 0 FROM system.tables WHERE database = currentDatabase() AND name = 'calls'
RENAME TABLE IF EXISTS calls_0005 TO calls;

-- The second rename failed, because another runner had been faster with everything.
-- when: SELECT count() = 0 FROM system.tables WHERE database = currentDatabase() AND name = 'calls'
RENAME TABLE IF EXISTS calls_0004 TO calls;

-- when: SELECT count() FROM system.tables WHERE database = currentDatabase() AND name = 'calls_0004'
INSERT INTO calls SELECT * FROM calls_0004 SETTINGS max_partitions_per_insert_block = 0;

-- when: SELECT count() FROM system.tables WHERE database = currentDatabase() AND name = 'calls' AND engine_full LIKE '%(version)%'
DROP TABLE IF EXISTS calls_0004 SETTINGS max_table_size_to_drop = 0;

-- Made by a runner that came too late to need it.
-- when: SELECT count() FROM system.tables WHERE database = currentDatabase() AND name = 'calls' AND engine_full LIKE '%(version)%'
DROP TABLE IF EXISTS calls_0005 SETTINGS max_table_size_to_drop = 0;

-- A view keeps the columns that were there when it was made.
CREATE OR REPLACE VIEW calls_final AS
SELECT * FROM calls FINAL;

CREATE OR REPLACE VIEW blocks_final AS
SELECT b.*
FROM (SELECT * FROM block_summaries FINAL) AS b
ASOF LEFT JOIN epoch_ranges AS r ON b.source = r.source AND b.block >= r.from_offset
WHERE r.epoch_in_force = '' OR r.epoch_in_force = b.epoch;
