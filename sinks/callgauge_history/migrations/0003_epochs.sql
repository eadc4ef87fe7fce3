-- The epoch in force at a block is that of the largest term among the starts at or before it. Rows of another epoch are
-- void: they were counted again under new settings.
CREATE VIEW IF NOT EXISTS epoch_ranges AS
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

-- One row per identity, void rows left out. A source without a known epoch counts as it is.
CREATE VIEW IF NOT EXISTS windows_final AS
SELECT w.*
FROM (SELECT * FROM windows FINAL) AS w
ASOF LEFT JOIN epoch_ranges AS r ON w.source = r.source AND w.block >= r.from_offset
WHERE r.epoch_in_force = '' OR r.epoch_in_force = w.epoch;

CREATE VIEW IF NOT EXISTS blocks_final AS
SELECT b.*
FROM (SELECT * FROM block_summaries FINAL) AS b
ASOF LEFT JOIN epoch_ranges AS r ON b.source = r.source AND b.block >= r.from_offset
WHERE r.epoch_in_force = '' OR r.epoch_in_force = b.epoch;
