// Alerts: what is active, what is silenced, and what was.

import { get, post } from "../api.js";
import { h, put } from "../dom.js";
import { aggregate, count } from "../format.js";
import { actions, silenceDialog } from "../parts/actions.js";
import { badge, banner, empty, labels, panel } from "../parts/bits.js";
import { Table } from "../parts/table.js";
import { link, span } from "../state.js";
import { ago, brief, full } from "../times.js";

const now = () => Date.now() / 1e3;
const since = (alert) => alert.fired_at ?? alert.starts_at;
const RANK = { critical: 4, error: 3, warning: 2, info: 1 };

const SHARED = [
  { key: "severity", title: "Severity", make: () => [], cell: (row, td) => put(td, badge(row.severity)), value: (row) => RANK[row.severity] ?? 0, num: false },
  { key: "rule", title: "Rule", make: (row) => h("a", { class: "name", href: link(["alert", row.alert_id]) }, row.rule), value: (row) => row.rule },
  { key: "labels", title: "Series", make: (row) => labels(row.labels) },
];
const VALUE = { key: "value", title: "Value", num: true, text: (row) => aggregate(row.aggregate, row.value) };
const SUMMARY = { key: "summary", title: "Summary", class: "text", text: (row) => row.summary };

export function alertsPage() {
  const told = h("div", {});
  const say = (text, tone = "good") => put(told, banner(tone, "", text));
  const active = new Table({
    caption: "Active alerts", cards: true, keyOf: (row) => row.alert_id, sort: "since.down", param: "sort_active", empty: ["Nothing is wrong", "No rule is broken now. What was is below."],
    columns: [...SHARED, { key: "state", title: "State", cell: (row, td) => put(td, badge(row.shown), row.acknowledged && h("span", { class: "sub" }, row.acknowledged.who)), value: (row) => row.shown },
      { key: "since", title: "For", num: true, cell: (row, td) => { td.textContent = ago(since(row), now()); td.title = full(since(row)); }, value: (row) => since(row) }, VALUE, SUMMARY, { key: "act", title: "", make: (row) => actions(row, say) }],
  });
  const past = new Table({
    caption: "History", cards: true, keyOf: (row) => row.alert_id, sort: "fired.down", param: "sort_past", empty: ["No alert fired in this time", "Choose a longer time."],
    columns: [...SHARED, { key: "fired", title: "Fired", cell: (row, td) => { td.textContent = brief(since(row)); td.title = full(since(row)); }, value: since },
      { key: "lasted", title: "Lasted", num: true, text: (row) => (row.ends_at ? ago(since(row), row.ends_at) : "still on"), value: (row) => (row.ends_at ?? now()) - since(row) }, VALUE, SUMMARY],
  });
  const silences = h("div", {});
  const silence = h("button", { type: "button", class: "button", onclick: () => silenceDialog({ conditions: "" }, say) }, "New silence");
  const node = h("div", { class: "stack" }, told, panel("Active", { flush: true }, active.node), panel("Silences", { flush: true, aside: silence }, silences), panel("Fired in this time", { flush: true }, past.node));

  async function refresh({ signal }) {
    const [firing, quiet, before] = await Promise.all([get("/v1/alerts", {}, signal), get("/v1/silences", {}, signal), get("/v1/alerts", { state: "history", ...span() }, signal)]);
    dispatchEvent(new CustomEvent("callgauge:active", { detail: firing.alerts.length }));
    active.update(firing.alerts);
    past.update(before.alerts);
    const text = JSON.stringify(quiet.silences);
    if (silences.shown !== text) { silences.shown = text; put(silences, quiet.silences.length ? h("ul", { class: "alert-list" }, quiet.silences.map((each) => silenceLine(each, say))) : empty("Nothing is silenced", "A silence hides alerts from everybody who would be told of them.")); }
  }

  return { title: "Alerts", nav: "alerts", node, refresh };
}

function silenceLine(silence, say) {
  const end = async () => {
    try { say((await post(`/v1/silences/${encodeURIComponent(silence.silence_id)}/end`, {})).told); } catch (error) { say(error.message, "bad"); }
    dispatchEvent(new Event("callgauge:refresh"));
  };
  return h("li", {}, badge(silence.in_force ? "in force" : "to come", silence.in_force ? "accent" : ""),
    h("div", {}, h("div", { class: "row" }, silence.matchers.map((matcher) => h("span", { class: "label" }, matcher)), h("span", { class: "muted" }, `hides ${count(silence.hides)}`)), h("div", { class: "summary" }, [silence.who, silence.why].filter(Boolean).join(": "))),
    h("span", { class: "when" }, `until ${brief(silence.ends_at)} `, h("button", { type: "button", class: "button", onclick: end, "aria-label": `End the silence ${silence.silence_id}` }, "End")));
}
