-- Days of windows lie by series, so that some series of 10,000 are read without the others, and users of a day by their
-- number in a dictionary: they are added up in half the time.
--
-- A key cannot be changed in place, so `windows_1d` is made anew, filled and renamed into place. How far that has come is
-- read off the names: `windows_1d_0063` is being filled; `windows_1d_0062` has been replaced, and may hold rows that were
-- derived after the copy. A copy may be made again: its rows replace themselves.

-- when: SELECT count() FROM system.tables WHERE database = currentDatabase() AND name = 'windows_1d' AND sorting_key = 'grouping, window_start, series_id'
CREATE TABLE IF NOT EXISTS windows_1d_0063 AS windows_1d
ENGINE = ReplacingMergeTree(version)
PARTITION BY toYYYYMM(window_start)
ORDER BY (grouping, series_id, window_start)
SETTINGS index_granularity = 128, min_age_to_force_merge_seconds = 3600, min_age_to_force_merge_on_partition_only = 1;

-- when: SELECT count() FROM system.tables WHERE database = currentDatabase() AND name = 'windows_1d' AND sorting_key = 'grouping, window_start, series_id'
INSERT INTO windows_1d_0063 SELECT * FROM windows_1d SETTINGS max_partitions_per_insert_block = 0;

-- when: SELECT count() FROM system.tables WHERE database = currentDatabase() AND name = 'windows_1d' AND sorting_key = 'grouping, window_start, series_id'
RENAME TABLE windows_1d TO windows_1d_0062, windows_1d_0063 TO windows_1d;

-- The server died between the two renames.
-- when: SELECT count() = 0 FROM system.tables WHERE database = currentDatabase() AND name = 'windows_1d'
RENAME TABLE IF EXISTS windows_1d_0063 TO windows_1d;

-- The second rename failed, because another runner had been faster with everything.
-- when: SELECT count() = 0 FROM system.tables WHERE database = currentDatabase() AND name = 'windows_1d'
RENAME TABLE IF EXISTS windows_1d_0062 TO windows_1d;

-- when: SELECT count() FROM system.tables WHERE database = currentDatabase() AND name = 'windows_1d_0062'
INSERT INTO windows_1d SELECT * FROM windows_1d_0062
WHERE sipHash64(grouping, series_id, window_start, version)
    NOT IN (SELECT sipHash64(grouping, series_id, window_start, version) FROM windows_1d)
SETTINGS max_partitions_per_insert_block = 0;

-- when: SELECT count() FROM system.tables WHERE database = currentDatabase() AND name = 'windows_1d' AND sorting_key = 'grouping, series_id, window_start'
DROP TABLE IF EXISTS windows_1d_0062 SETTINGS max_table_size_to_drop = 0;

-- Made by a runner that came too late to need it.
-- when: SELECT count() FROM system.tables WHERE database = currentDatabase() AND name = 'windows_1d' AND sorting_key = 'grouping, series_id, window_start'
DROP TABLE IF EXISTS windows_1d_0063 SETTINGS max_table_size_to_drop = 0;

ALTER TABLE usage_1d MODIFY COLUMN user_id LowCardinality(String);
