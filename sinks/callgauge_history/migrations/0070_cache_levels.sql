-- Cache hits by level. Rows from before hold 0 of both: those hits count in cache_hits alone.

ALTER TABLE windows ADD COLUMN IF NOT EXISTS cache_hits_exact Int64 COMMENT 'by a cache that looks for the same request' AFTER cache_hits;

ALTER TABLE windows ADD COLUMN IF NOT EXISTS cache_hits_semantic Int64 COMMENT 'by one that looks for a request of the same meaning' AFTER cache_hits_exact;

ALTER TABLE windows_1m ADD COLUMN IF NOT EXISTS cache_hits_exact Int64 COMMENT 'by a cache that looks for the same request' AFTER cache_hits;

ALTER TABLE windows_1m ADD COLUMN IF NOT EXISTS cache_hits_semantic Int64 COMMENT 'by one that looks for a request of the same meaning' AFTER cache_hits_exact;

ALTER TABLE windows_1h ADD COLUMN IF NOT EXISTS cache_hits_exact Int64 COMMENT 'by a cache that looks for the same request' AFTER cache_hits;

ALTER TABLE windows_1h ADD COLUMN IF NOT EXISTS cache_hits_semantic Int64 COMMENT 'by one that looks for a request of the same meaning' AFTER cache_hits_exact;

ALTER TABLE windows_1d ADD COLUMN IF NOT EXISTS cache_hits_exact Int64 COMMENT 'by a cache that looks for the same request' AFTER cache_hits;

ALTER TABLE windows_1d ADD COLUMN IF NOT EXISTS cache_hits_semantic Int64 COMMENT 'by one that looks for a request of the same meaning' AFTER cache_hits_exact;

ALTER TABLE windows MODIFY COLUMN cache_hits_exact CODEC(T64, ZSTD(1));

ALTER TABLE windows MODIFY COLUMN cache_hits_semantic CODEC(T64, ZSTD(1));

ALTER TABLE windows_1m MODIFY COLUMN cache_hits_exact CODEC(T64, ZSTD(1));

ALTER TABLE windows_1m MODIFY COLUMN cache_hits_semantic CODEC(T64, ZSTD(1));

ALTER TABLE windows_1h MODIFY COLUMN cache_hits_exact CODEC(T64, ZSTD(1));

ALTER TABLE windows_1h MODIFY COLUMN cache_hits_semantic CODEC(T64, ZSTD(1));

ALTER TABLE windows_1d MODIFY COLUMN cache_hits_exact CODEC(T64, ZSTD(1));

ALTER TABLE windows_1d MODIFY COLUMN cache_hits_semantic CODEC(T64, ZSTD(1));

-- A view keeps the columns that were there when it was made.
CREATE OR REPLACE VIEW windows_final AS
SELECT w.*
FROM (SELECT * FROM windows FINAL) AS w
ASOF LEFT JOIN epoch_ranges AS r ON w.source = r.source AND w.block >= r.from_offset
WHERE r.epoch_in_force = '' OR r.epoch_in_force = w.epoch;

CREATE OR REPLACE VIEW windows_merged AS
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
