-- Quantiles out of exponential histograms (OpenTelemetry's): base = 2^(2^-scale), bucket i holds (base^i, base^(i+1)].
-- The estimate of a bucket, 2*base^(i+1)/(base+1), is off by at most (base-1)/(base+1) of the value; the zero bucket is 0.
-- The q-quantile of n values is the one with 0-based rank floor(q*(n-1)); of no values it is NULL.

CREATE OR REPLACE FUNCTION callgauge_bucket_estimate AS (bucket, scale) ->
    2 * exp2((bucket + 1) / exp2(scale)) / (exp2(1 / exp2(scale)) + 1);

CREATE OR REPLACE FUNCTION callgauge_rank AS (q, n) ->
    toUInt64(floor(q * (greatest(n, 1) - 1)));

-- `rank` is counted among the values that are not zero.
CREATE OR REPLACE FUNCTION callgauge_bucket_at AS (rank, histogram) ->
    arrayElement(
        mapKeys(histogram),
        arrayFirstIndex(passed -> passed > rank, arrayCumSum(mapValues(histogram)))
    );

-- callgauge_quantile(0.95, sumMap(latency_histogram), sum(latency_zero_count), max(latency_scale)) in the measure's unit.
CREATE OR REPLACE FUNCTION callgauge_quantile AS (q, histogram, zero_count, scale) ->
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
