-- How far the evaluator of history rules is: up to which instant all alerts were told.
CREATE TABLE IF NOT EXISTS evaluated (
    evaluator LowCardinality(String) COMMENT 'its consumer group',
    judged_to SimpleAggregateFunction(max, DateTime64(3, 'UTC'))
) ENGINE = AggregatingMergeTree
ORDER BY evaluator;
