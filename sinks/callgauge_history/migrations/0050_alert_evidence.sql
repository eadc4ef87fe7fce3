-- What an alert shows besides its value: what was expected, how far it is from that, the course of the number, examples.
-- NULL and empty in rows of before, where it was not stored.
ALTER TABLE alerts ADD COLUMN IF NOT EXISTS detector LowCardinality(String) DEFAULT 'threshold' COMMENT 'what judged',
    ADD COLUMN IF NOT EXISTS baseline Nullable(Float64) COMMENT 'what the detector expected',
    ADD COLUMN IF NOT EXISTS score Nullable(Float64) COMMENT 'how far from normal, on its own scale',
    ADD COLUMN IF NOT EXISTS points Array(Array(Float64)) COMMENT 'epoch seconds and value, the oldest first',
    ADD COLUMN IF NOT EXISTS event_ids Array(String) COMMENT 'calls that contributed most',
    ADD COLUMN IF NOT EXISTS heard Float64 DEFAULT 1 COMMENT 'share of the sources heard of lately',
    ADD COLUMN IF NOT EXISTS held Array(String) COMMENT 'of several conditions, those that held',
    ADD COLUMN IF NOT EXISTS flapping Bool DEFAULT false,
    ADD COLUMN IF NOT EXISTS last_fired_at Nullable(DateTime64(3, 'UTC')),
    ADD COLUMN IF NOT EXISTS provider LowCardinality(String),
    ADD COLUMN IF NOT EXISTS service LowCardinality(String),
    ADD COLUMN IF NOT EXISTS role LowCardinality(String) COMMENT 'cause or symptom, as its rule says',
    ADD COLUMN IF NOT EXISTS suspected_cause String,
    ADD COLUMN IF NOT EXISTS log String COMMENT 'cluster id / topic id / partition it was decided from',
    ADD COLUMN IF NOT EXISTS offset Int64 DEFAULT -1 COMMENT 'of the record that caused it';

-- Views keep the columns that they were made with.
CREATE OR REPLACE VIEW alerts_latest AS
SELECT * FROM alerts FINAL
ORDER BY seq DESC
LIMIT 1 BY fingerprint, starts_at;

CREATE OR REPLACE VIEW alert_episodes AS
SELECT
    a.alert_id AS alert_id,
    a.at AS at,
    a.* EXCEPT (alert_id, at),
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

CREATE OR REPLACE VIEW alerts_now AS
SELECT * FROM (SELECT * FROM alert_episodes ORDER BY starts_at DESC LIMIT 1 BY fingerprint)
WHERE shown != 'resolved';
