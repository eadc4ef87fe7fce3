// The overview, of everything or of one service, model or feature: figures, charts, alerts, and who is behind it.

import { get } from "../api.js";
import { h, put, setText } from "../dom.js";
import { change, count, dollars, duration, percent, rate, short } from "../format.js";
import { errorTable } from "../parts/error_table.js";
import { eventsOf, valuesOf } from "../parts/events.js";
import { alertList, worst } from "../parts/alert_list.js";
import { panel, to } from "../parts/bits.js";
import { Chart } from "../parts/chart.js";
import { groupTable } from "../parts/group_table.js";
import { Tiles } from "../parts/tiles.js";
import { span } from "../state.js";
import { ago, full } from "../times.js";

const KINDS = { service: "service", model: "model", feature: "feature" };

function charts() {
  return {
    calls: new Chart({ title: "Calls per second", format: rate, lines: [{ key: "calls_per_s", label: "calls", tone: "accent", area: true }] }),
    errors: new Chart({ title: "Errors", format: percent, least: 0.02, lines: [{ key: "error_rate", label: "error rate", tone: "bad", area: true }] }),
    latency: new Chart({ title: "Latency", format: duration, lines: [{ key: "latency_p99_ms", label: "p99", tone: "accent-3" }, { key: "latency_p95_ms", label: "p95", tone: "accent" }, { key: "latency_p50_ms", label: "p50", tone: "accent-2" }] }),
    ttft: new Chart({ title: "Time to first token", format: duration, lines: [{ key: "ttft_p95_ms", label: "p95", tone: "accent" }, { key: "ttft_p50_ms", label: "p50", tone: "accent-2" }] }),
    tokens: new Chart({ title: "Tokens per second", format: short, lines: [{ key: "input_per_s", label: "input", tone: "accent-2" }, { key: "output_per_s", label: "output", tone: "accent" }] }),
    cost: new Chart({ title: "Cost per hour", format: dollars, axis: (value) => (value >= 1_000 ? `$${short(value)}` : dollars(value)), lines: [{ key: "cost_before", label: "a day before", tone: "quiet", dash: true }, { key: "cost_per_h", label: "cost", tone: "accent", area: true }] }),
  };
}

/** The figures; `than`: what they are compared with. */
function figures({ now, before }, spanS) {
  const against = (name) => (before.calls ? `${change(now[name], before[name])} vs a day before` : "nothing stored a day before");
  return [
    { name: "Calls", value: now.calls < 1e6 ? count(now.calls) : short(now.calls), title: count(now.calls), note: `${rate(now.calls / spanS)} per second` },
    { name: "Errors", value: percent(now.error_rate), tone: now.error_rate > 0.05 ? "bad" : "", note: `${count(now.errors)} failed, ${count(now.cancelled)} cancelled` },
    { name: "Latency p95", value: duration(now.latency_p95_ms), note: `p50 ${duration(now.latency_p50_ms)}, p99 ${duration(now.latency_p99_ms)}` },
    { name: "Time to first token p95", value: duration(now.ttft_p95_ms), note: now.ttft_p50_ms === null ? "nobody tells it" : `p50 ${duration(now.ttft_p50_ms)}` },
    { name: "Tokens", value: short(now.input_tokens + now.output_tokens), title: count(now.input_tokens + now.output_tokens), note: `${short(now.input_tokens)} in, ${short(now.output_tokens)} out` },
    { name: "Cost", value: dollars(now.cost_usd), note: against("cost_usd") },
  ];
}

export function overviewPage(where) {
  const [[label, value] = []] = Object.entries(where);
  const all = charts();
  const tiles = new Tiles(6);
  const alerts = h("div", {});
  const others = ["service", "model"].filter((name) => name !== label);
  const tables = others.map((by) => [by, groupTable(by, { short: true, param: `sort_${by}` })]);
  const errors = label ? errorTable() : null;
  const asOf = h("span", { class: "muted" });
  const aside = label === "service" || label === "model" || label === "feature" ? to("/calls", { [label]: value }, "Calls") : null;
  const node = h("div", {},
    h("div", { class: "stack" }, tiles.node, h("div", { class: "row" }, asOf, aside),
      h("div", { class: "grid three" }, Object.values(all).map((chart) => chart.node)),
      alerts,
      h("div", { class: "grid two" }, tables.map(([by, table]) => panel(by === "service" ? "Services" : "Models", { flush: true, aside: to(by === "service" ? "/services" : "/models", {}, "All") }, table.node)),
        errors && panel("Errors", { flush: true, aside: to("/calls", { [label]: value, status: "error" }, "Failed calls") }, errors.node))));

  async function refresh({ signal }) {
    const asked = span();
    const params = { ...where, from: asked.from, to: asked.to };
    const yesterday = { ...where, from: asked.from - 86_400, to: asked.to - 86_400 };
    const breakdowns = Promise.all(others.map((by) => get("/v1/breakdown", { ...params, by, limit: 8 }, signal)));
    const [summary, series, past, groups, failed, events] = await Promise.all([
      get("/v1/summary", params, signal), get("/v1/metrics", params, signal), get("/v1/metrics", { ...yesterday, measure: "cost_usd" }, signal),
      breakdowns, errors && get("/v1/errors", params, signal), eventsOf(asked, where, signal, label ? breakdowns.then(valuesOf) : {}),
    ]);
    tiles.update(figures(summary, asked.to - asked.from));
    setText(asOf, summary.newest ? `Newest call that is stored ended ${full(summary.newest)}, ${ago(summary.newest, Date.now() / 1e3)} ago` : "No call in this time");
    draw(all, series, past, asked, events, summary.newest);
    put(alerts, events.active.length > 0 && panel("Active alerts", { flush: true, aside: to("/alerts", {}, "All") }, alertList(worst(events.active).slice(0, 6))));
    tables.forEach(([, table], index) => table.update(groups[index]));
    errors?.update(failed.errors);
  }

  return { title: value ?? "Overview", kind: KINDS[label] ?? "", nav: label ? `${label}s` : "", node, refresh, destroy: () => Object.values(all).forEach((chart) => chart.destroy()) };
}

/** A step that calls still come into says too little: steps are shown that end before this. */
function wholeUntil(newest) {
  const now = Date.now() / 1e3;
  return newest !== null && newest > now - 15 ? newest : now;
}

function draw(all, series, past, asked, events, newest) {
  const whole = wholeUntil(newest);
  const { times, step_s: step } = series;
  const one = series.series[0]?.values ?? {};
  const per = (name, seconds) => (one[name] ?? []).map((value, index) => (value === null || times[index] + step > whole ? null : value / seconds));
  const before = new Map(past.times.map((at, index) => [Math.round(at + 86_400), past.series[0]?.values.cost_usd?.[index] ?? null]));
  const values = {
    ...one,
    calls_per_s: per("calls", step), input_per_s: per("input_tokens", step), output_per_s: per("output_tokens", step),
    cost_per_h: per("cost_usd", step / 3_600), cost_before: times.map((at) => (before.has(Math.round(at)) && before.get(Math.round(at)) !== null ? before.get(Math.round(at)) / (step / 3_600) : null)),
  };
  for (const chart of Object.values(all)) chart.update({ times, values, span: asked, events: events.shown });
}
