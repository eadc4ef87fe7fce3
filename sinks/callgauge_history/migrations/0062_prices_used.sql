-- By which prices calls were counted: of each table, version and day (`price_source`) and each model as calls name it, the
-- entry of the table, and what it says, a row for each kind of tokens. A price that is noted again replaces itself.
CREATE TABLE IF NOT EXISTS prices_used (
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
) ENGINE = ReplacingMergeTree
ORDER BY (price_source, provider, model, response_model, is_fallback, kind, above, from_second);
