-- What people do with alerts. A silence is written to every partition of the alerts topic; its copies have one key.
CREATE TABLE IF NOT EXISTS alert_actions (
    action_id String,
    action LowCardinality(String) COMMENT 'acknowledge, resolve, silence, unsilence',
    at DateTime64(3, 'UTC'),
    who String,
    why String,
    how LowCardinality(String) COMMENT 'cli, slack, pagerduty, api',
    receiver LowCardinality(String) COMMENT 'the receiver of the routes through which it came',
    fingerprint String COMMENT 'acknowledge, resolve: the alert',
    alert_id String COMMENT 'acknowledge, resolve: the episode',
    silence_id String COMMENT 'silence, unsilence: which',
    matchers Array(String) COMMENT 'silence: its conditions',
    starts_at Nullable(DateTime64(3, 'UTC')) COMMENT 'silence: since when',
    ends_at Nullable(DateTime64(3, 'UTC')) COMMENT 'silence: until when',
    schema_version UInt16
) ENGINE = ReplacingMergeTree
PARTITION BY toYYYYMM(at)
ORDER BY (fingerprint, alert_id, silence_id, action_id);

CREATE VIEW IF NOT EXISTS alert_actions_final AS
SELECT * FROM alert_actions FINAL;

-- One row per episode: its last transition, and who has acknowledged or resolved it. `shown` is what people see, but for
-- silences: whether one matches is not for SQL to say (`callgauge alerts` does).
CREATE VIEW IF NOT EXISTS alert_episodes AS
SELECT
    a.*,
    multiIf(a.state = 'resolved' OR d.done > 0, 'resolved', k.done > 0, 'acknowledged', a.state) AS shown,
    k.who AS acknowledged_by,
    if(k.done > 0, k.at, NULL) AS acknowledged_at,
    d.who AS resolved_by,
    if(d.done > 0, d.at, NULL) AS resolved_by_hand_at,
    d.why AS resolved_why
FROM (SELECT * FROM alerts_latest) AS a
LEFT JOIN (
    SELECT alert_id, argMin(r.who, (r.at, r.action_id)) AS who, min(r.at) AS at, count() AS done
    FROM alert_actions_final AS r WHERE r.action = 'acknowledge' GROUP BY alert_id
) AS k ON k.alert_id = a.alert_id
LEFT JOIN (
    SELECT alert_id, argMin(r.who, (r.at, r.action_id)) AS who, argMin(r.why, (r.at, r.action_id)) AS why,
        min(r.at) AS at, count() AS done
    FROM alert_actions_final AS r WHERE r.action = 'resolve' GROUP BY alert_id
) AS d ON d.alert_id = a.alert_id;

-- The last episode of each alert, if people do not see it as over.
CREATE VIEW IF NOT EXISTS alerts_now AS
SELECT * FROM (SELECT * FROM alert_episodes ORDER BY starts_at DESC LIMIT 1 BY fingerprint)
WHERE shown != 'resolved';

-- The last version of each silence, and its end as it is now.
CREATE VIEW IF NOT EXISTS silences AS
SELECT
    m.silence_id AS silence_id,
    m.matchers AS matchers,
    m.who AS who,
    m.why AS why,
    m.how AS how,
    m.starts_at AS starts_at,
    if(e.done > 0, least(m.ends_at, e.at), m.ends_at) AS ends_at,
    e.who AS ended_by
FROM (
    SELECT * FROM alert_actions_final WHERE action = 'silence'
    ORDER BY at DESC, action_id DESC LIMIT 1 BY silence_id
) AS m
LEFT JOIN (
    SELECT silence_id, argMin(r.who, (r.at, r.action_id)) AS who, min(r.at) AS at, count() AS done
    FROM alert_actions_final AS r WHERE r.action = 'unsilence' GROUP BY silence_id
) AS e ON e.silence_id = m.silence_id;
