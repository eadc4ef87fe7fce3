// One alert: its evidence as a chart, its facts, its story, and the calls behind it.

import { get } from "../api.js";
import { h, put } from "../dom.js";
import { aggregate, comparison, count, plain } from "../format.js";
import { actions } from "../parts/actions.js";
import { alertList } from "../parts/alert_list.js";
import { badge, banner, empty, labels, panel } from "../parts/bits.js";
import { Chart } from "../parts/chart.js";
import { marksOf } from "../parts/events.js";
import { link } from "../state.js";
import { full, lasting } from "../times.js";

const EARLIER_S = 30 * 86_400;

export function alertPage(id) {
  const top = h("div", {}), story = h("div", {}), facts = h("div", {}), evidence = h("div", {}), earlier = h("div", {});
  const told = h("div", {});
  const say = (text, tone = "good") => put(told, banner(tone, "", text));
  const page = { title: "Alert", kind: "", nav: "alerts", timed: false, node: h("div", { class: "stack" }, told, top, evidence, h("div", { class: "grid two" }, facts, h("div", { class: "stack" }, story, earlier))), refresh, destroy: () => chart?.destroy() };
  let chart = null, shown = "";

  async function refresh({ signal }) {
    const found = await get(`/v1/alerts/${encodeURIComponent(id)}`, {}, signal);
    const text = JSON.stringify(found);
    if (text === shown) return;
    shown = text;
    draw(found);
    await Promise.all([drawMarks(found.alert, signal), drawEarlier(found.alert, signal)]);
  }

  /** Deploys and other changes, in the chart of the evidence. */
  async function drawMarks(alert, signal) {
    if (chart) chart.mark(await marksOf(chart.span, alert.labels, signal));
  }

  /** Former episodes of the same rule and series. */
  async function drawEarlier(alert, signal) {
    const { alerts } = await get("/v1/alerts", { state: "history", rule: alert.rule, from: alert.starts_at - EARLIER_S, to: alert.starts_at }, signal);
    const same = alerts.filter((each) => each.fingerprint === alert.fingerprint && each.alert_id !== alert.alert_id).slice(0, 10);
    put(earlier, panel("It fired before", { flush: true, aside: "in the month before" }, same.length ? alertList(same) : empty("Not in the month before", "This is the first episode of this rule and series that is stored.")));
  }

  function draw({ alert, transitions }) {
    const on = alert.shown !== "resolved";
    put(top, h("section", { class: "panel" }, h("div", { class: "body stack" },
      h("div", { class: "row" }, badge(alert.severity), badge(alert.shown), h("b", {}, alert.rule), labels(alert.labels), on && alert.state === "firing" && actions(alert, say)),
      h("p", { class: "lead" }, alert.summary), alert.suspected_cause && h("p", {}, alert.suspected_cause), runbook(alert.runbook))));
    put(facts, panel("Facts", {}, factList(alert)));
    put(story, panel("What happened", { flush: true }, h("ul", { class: "alert-list" }, storyOf(alert, transitions).map(([at, word, more]) => h("li", {}, badge(word), h("span", { class: "summary" }, more), h("span", { class: "when" }, full(at)))))));
    drawEvidence(alert);
  }

  function drawEvidence(alert) {
    const points = alert.points ?? [];
    chart?.destroy();
    chart = null;
    if (!points.length) { put(evidence, panel("Evidence", {}, alert.detector === "budget" ? empty("A budget has no course of its own", "What is spent by now is on the page of budgets.") : empty("No course of the value is known", "It is kept on the bus, for 30 days or as long as the local stack runs."))); return; }
    const format = (value) => aggregate(alert.aggregate, value);
    const lines = [{ key: "value", label: alert.aggregate, tone: "accent", area: true }, alert.baseline !== null && { key: "baseline", label: "baseline", tone: "quiet", dash: true }, alert.detector === "threshold" && { key: "limit", label: "limit", tone: "bad", dash: true }].filter(Boolean);
    const times = points.map(([at]) => at);
    const flat = (value) => points.map(() => value);
    chart = new Chart({ title: "Evidence", format, lines, height: 220 });
    put(evidence, chart.node);
    const span = { from: times[0], to: Math.max(times.at(-1), alert.fired_at ?? 0) + Math.max(1, (times.at(-1) - times[0]) / 40) };
    const events = { marks: [], alerts: alert.fired_at === null ? [] : [{ severity: alert.severity, from: alert.fired_at, to: alert.ends_at ?? span.to, text: alert.rule }] };
    chart.update({ times, values: { value: points.map(([, value]) => value), baseline: flat(alert.baseline), limit: flat(alert.threshold) }, span, events });
  }

  return page;
}

/** Only addresses of the web become links: a runbook is text that somebody wrote. */
function runbook(text) {
  if (!text) return null;
  return /^https?:\/\//.test(text) ? h("a", { href: text, target: "_blank", rel: "noreferrer noopener" }, "Runbook") : h("p", {}, `Runbook: ${text}`);
}

function factList(alert) {
  const fact = (name, value) => value !== "" && value !== null && value !== undefined && value !== false && [h("dt", {}, name), h("dd", {}, value)];
  return h("dl", { class: "facts" },
    fact("judged", alert.aggregate), fact("value", aggregate(alert.aggregate, alert.value)), alert.detector === "threshold" ? fact("limit", `${comparison(alert.op)} ${aggregate(alert.aggregate, alert.threshold)}`) : fact("detector", alert.detector),
    fact("baseline", alert.baseline === null ? "" : aggregate(alert.aggregate, alert.baseline)), fact("score", alert.score === null ? "" : plain(alert.score)), fact("over", lasting(alert.lookback_s)), fact("rests on", `${count(alert.n)} events`),
    fact("held", (alert.held ?? []).join(", ")), fact("flapping", alert.flapping && "yes"), fact("began", full(alert.starts_at)), fact("fired", alert.fired_at ? full(alert.fired_at) : ""), fact("ended", alert.ends_at ? full(alert.ends_at) : ""),
    fact("processes", alert.processes_found && alert.processes_found.why),
    fact("acknowledged", alert.acknowledged && `${alert.acknowledged.who}, ${full(alert.acknowledged.at)}`), fact("silenced", alert.silence && `until ${full(alert.silence.ends_at)}`),
    fact("calls", calls(alert)), fact("id", h("code", {}, alert.alert_id)));
}

function calls(alert) {
  const names = { service: "service", model: "model", feature: "feature", user_id: "user" };
  const where = Object.fromEntries(Object.entries(alert.labels).filter(([name]) => name in names).map(([name, value]) => [names[name], value]));
  const iso = (at) => new Date(at * 1e3).toISOString();
  return h("a", { href: link("/calls", { ...where, range: null, from: iso(alert.starts_at - alert.lookback_s), to: iso(alert.ends_at ?? Date.now() / 1e3) }) }, "Calls of this series at that time");
}

function storyOf(alert, transitions) {
  const told = transitions.map((each) => [each.at, each.state, [aggregate(each.aggregate, each.value), each.reason].filter(Boolean).join(" · ")]);
  for (const [word, action] of [["acknowledged", alert.acknowledged], ["resolved", alert.resolved_by_hand], ["processes", alert.processes_found]]) if (action) told.push([action.at, word, `${action.who}${action.why ? `: ${action.why}` : ""}`]);
  return told.sort((a, b) => b[0] - a[0]);
}
