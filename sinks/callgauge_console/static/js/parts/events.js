// What the charts show besides numbers: alerts of this time, and marks of changes.

import { get } from "../api.js";

/** `shown`: for charts, also alerts that began before this time; `active`: the alerts that are not over, whatever the time.
 *
 * `values`: label -> the values that occur among the calls (or a promise of that), see `valuesOf`: an alert about others is
 * left out. */
export async function eventsOf({ from, to }, where, signal, values = {}) {
  const [active, during, marked, known] = await Promise.all([get("/v1/alerts", {}, signal), get("/v1/alerts", { state: "during", from, to }, signal), marksOf({ from, to }, where, signal), values]);
  dispatchEvent(new CustomEvent("callgauge:active", { detail: active.alerts.length }));
  const byId = new Map([...during.alerts, ...active.alerts].map((alert) => [alert.alert_id, alert]));
  const mine = [...byId.values()].filter((alert) => alert.fired_at !== null && concerns(alert, where, known));
  const alerts = mine.map((alert) => ({
    id: alert.alert_id, severity: alert.severity, from: alert.fired_at, to: alert.ends_at ?? Math.max(to, alert.fired_at),
    text: [alert.rule, ...Object.values(alert.labels)].join(" "),
  })).filter((alert) => alert.to >= from && alert.from <= to);
  return { shown: { alerts, marks: marked }, active: active.alerts.filter((alert) => concerns(alert, where, known)) };
}

/** The marks of a time, of a service also those that concern all. */
export async function marksOf({ from, to }, where, signal) {
  const { marks } = await get("/v1/marks", { service: where.service, from, to }, signal);
  return marks.map((mark) => ({ at: mark.at, text: [mark.text, mark.service].filter(Boolean).join(" · ") }));
}

/** Of breakdowns: label -> the values that occur. Where there are more than are listed, nothing is known. */
export const valuesOf = (groups) => Object.fromEntries(groups.filter((each) => !each.more).map((each) => [each.by, new Set(each.rows.map((row) => row.value))]));

/** Whether an alert is about these calls: what it says of their labels is so, and what else it names occurs among them. */
function concerns(alert, where, known) {
  return Object.entries(alert.labels).every(([name, value]) => (where[name] === undefined ? !known[name] || known[name].has(value) : where[name] === value));
}
