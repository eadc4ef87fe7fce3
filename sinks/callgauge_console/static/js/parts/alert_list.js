// Alerts as a list, each a line.

import { h } from "../dom.js";
import { link } from "../state.js";
import { ago, full } from "../times.js";
import { badge, labels } from "./bits.js";

const RANK = { critical: 0, error: 1, warning: 2, info: 3 };
/** The gravest first, of those as grave the newest. */
export const worst = (alerts) => [...alerts].sort((a, b) => RANK[a.severity] - RANK[b.severity] || b.starts_at - a.starts_at);

export function alertList(alerts) {
  return h("ul", { class: "alert-list" }, alerts.map(line));
}

function line(alert) {
  const since = alert.fired_at ?? alert.starts_at;
  const now = Date.now() / 1e3;
  return h("li", {},
    h("span", {}, badge(alert.severity)),
    h("div", {}, h("div", { class: "row" }, h("a", { href: link(["alert", alert.alert_id]) }, alert.rule), labels(alert.labels), alert.shown !== "firing" && badge(alert.shown)), h("div", { class: "summary" }, alert.summary)),
    h("span", { class: "when", title: full(since) }, alert.ends_at ? `lasted ${ago(since, alert.ends_at)}, ended ${ago(alert.ends_at, now)} ago` : `for ${ago(since, now)}`));
}
