// What the charts show besides numbers: alerts of this time, and marks of changes.

import { get } from "../api.js";

/** `shown`: for charts; `active`: the alerts that are not over, whatever the time. */
export async function eventsOf({ from, to }, where, signal) {
  const [active, past, marked] = await Promise.all([get("/v1/alerts", {}, signal), get("/v1/alerts", { state: "history", from, to }, signal), get("/v1/marks", { service: where.service, from, to }, signal)]);
  dispatchEvent(new CustomEvent("callgauge:active", { detail: active.alerts.length }));
  const known = new Map([...past.alerts, ...active.alerts].map((alert) => [alert.alert_id, alert]));
  const mine = [...known.values()].filter((alert) => alert.fired_at !== null && concerns(alert, where));
  const alerts = mine.map((alert) => ({
    id: alert.alert_id, severity: alert.severity, from: alert.fired_at, to: alert.ends_at ?? to,
    text: [alert.rule, ...Object.values(alert.labels)].join(" "),
  })).filter((alert) => alert.to >= from && alert.from <= to);
  const marks = marked.marks.map((mark) => ({ at: mark.at, text: [mark.text, mark.service].filter(Boolean).join(" · ") }));
  return { shown: { alerts, marks }, active: active.alerts.filter((alert) => concerns(alert, where)) };
}

/** Whether an alert is about these labels: it has them, or does not say. */
const concerns = (alert, where) => Object.entries(where).every(([name, value]) => alert.labels[name] === undefined || alert.labels[name] === value);
