-- What heartbeats say of the processes whose calls an alert misses: live (the calls were not made), silent (dead, or cut off
-- from the bus), ended (in order). `why` says it in words.
ALTER TABLE alert_actions ADD COLUMN IF NOT EXISTS processes LowCardinality(String) COMMENT 'live, silent, ended';

-- Views keep the columns that they were made with.
CREATE OR REPLACE VIEW alert_actions_final AS
SELECT * FROM alert_actions FINAL;

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
    d.why AS resolved_why,
    p.found AS processes,
    p.line AS processes_why
FROM (SELECT * FROM alerts_latest) AS a
LEFT JOIN (
    SELECT alert_id, argMin(r.who, (r.at, r.action_id)) AS who, min(r.at) AS at, count() AS done
    FROM alert_actions_final AS r WHERE r.action = 'acknowledge' GROUP BY alert_id
) AS k ON k.alert_id = a.alert_id
LEFT JOIN (
    SELECT alert_id, argMin(r.who, (r.at, r.action_id)) AS who, argMin(r.why, (r.at, r.action_id)) AS why,
        min(r.at) AS at, count() AS done
    FROM alert_actions_final AS r WHERE r.action = 'resolve' GROUP BY alert_id
) AS d ON d.alert_id = a.alert_id
LEFT JOIN (
    SELECT alert_id, argMax(r.processes, (r.at, r.action_id)) AS found, argMax(r.why, (r.at, r.action_id)) AS line
    FROM alert_actions_final AS r WHERE r.action = 'processes' GROUP BY alert_id
) AS p ON p.alert_id = a.alert_id;

CREATE OR REPLACE VIEW alerts_now AS
SELECT * FROM (SELECT * FROM alert_episodes ORDER BY starts_at DESC LIMIT 1 BY fingerprint)
WHERE shown != 'resolved';
