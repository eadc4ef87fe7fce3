-- The adjustment of each call that counts, and what the call came with: so that questions add the one and take away the
-- other, whatever they read the calls from.
CREATE OR REPLACE VIEW cost_adjustments_latest AS
SELECT
    a.event_id AS event_id,
    a.event_time AS event_time,
    max(a.made_at) AS made_at,
    argMax(a.made_by, a.made_at) AS made_by,
    argMax(a.cost_nano, a.made_at) AS cost_nano,
    argMax(a.delta_nano, a.made_at) AS delta_nano,
    argMax(tuple(a.cost_nano_before), a.made_at).1 AS cost_nano_before,
    if(isNull(argMin(tuple(a.cost_nano_before), a.made_at).1), NULL,
        argMin(a.cost_nano, a.made_at) - argMin(a.delta_nano, a.made_at)) AS cost_nano_as_sent,
    argMax(a.price_source, a.made_at) AS price_source,
    argMax(a.price_source_before, a.made_at) AS price_source_before,
    argMax(a.service, a.made_at) AS service,
    argMax(a.environment, a.made_at) AS environment,
    argMax(a.feature, a.made_at) AS feature,
    argMax(a.endpoint, a.made_at) AS endpoint,
    argMax(a.operation, a.made_at) AS operation,
    argMax(a.provider, a.made_at) AS provider,
    argMax(a.model, a.made_at) AS model,
    argMax(a.response_model, a.made_at) AS response_model,
    argMax(a.prompt_version, a.made_at) AS prompt_version,
    argMax(a.variant, a.made_at) AS variant,
    argMax(a.user_id, a.made_at) AS user_id,
    argMax(a.session_id, a.made_at) AS session_id
FROM cost_adjustments AS a
GROUP BY a.event_time, a.event_id;
