// Scores, and whether the answers have drifted from those of the time before.

import { get } from "../api.js";
import { h, put, setText } from "../dom.js";
import { aggregate, count, dollars, duration, percent, plain } from "../format.js";
import { badge, panel } from "../parts/bits.js";
import { Chart } from "../parts/chart.js";
import { eventsOf } from "../parts/events.js";
import { filters } from "../parts/filters.js";
import { Table } from "../parts/table.js";
import { span, state } from "../state.js";
import { brief } from "../times.js";

const MOST_CHARTS = 9;

const SCORES = [
  { key: "name", title: "Score", text: (row) => row.name, value: (row) => row.name },
  { key: "origin", title: "Judged by", text: (row) => row.origin, value: (row) => row.origin },
  { key: "count", title: "Scores", num: true, text: (row) => count(row.count), value: (row) => row.count },
  { key: "mean", title: "Mean", num: true, text: (row) => plain(row.mean), value: (row) => row.mean },
  { key: "stddev", title: "Deviation", num: true, text: (row) => plain(row.stddev), value: (row) => row.stddev },
  { key: "p05", title: "p5", num: true, text: (row) => plain(row.p05), value: (row) => row.p05 },
  { key: "p50", title: "p50", num: true, text: (row) => plain(row.p50), value: (row) => row.p50 },
  { key: "p95", title: "p95", num: true, text: (row) => plain(row.p95), value: (row) => row.p95 },
];

const written = (name, value) => (name.endsWith("_rate") || name.startsWith("finish_reason.") ? percent(value) : /_ms$/.test(name) ? duration(value) : name.startsWith("cost") ? dollars(value) : aggregate(name, value));
const CHANGES = [
  { key: "name", title: "What", text: (row) => row.name, value: (row) => row.name },
  { key: "verdict", title: "Verdict", cell: (row, td) => put(td, row.significant ? badge("drifted", "bad") : badge("as before", "")), value: (row) => Number(row.significant) },
  { key: "before", title: "Before", num: true, text: (row) => written(row.name, row.before), value: (row) => row.before },
  { key: "now", title: "Now", num: true, text: (row) => written(row.name, row.now), value: (row) => row.now },
  { key: "z", title: "Beyond chance (σ)", num: true, text: (row) => plain(row.z), value: (row) => Math.abs(row.z) },
  { key: "ks", title: "KS distance", num: true, text: (row) => plain(row.ks), value: (row) => row.ks },
  { key: "psi", title: "PSI", num: true, text: (row) => plain(row.psi), value: (row) => row.psi },
  { key: "counts", title: "Rests on", num: true, text: (row) => `${count(row.counts[0])} and ${count(row.counts[1])}` },
];

export function qualityPage() {
  const drift = new Table({ caption: "Drift", columns: CHANGES, keyOf: (row) => row.name, sort: "z.down", param: "sort_drift", empty: ["Nothing to compare", "There must be calls in this time and in the same length of time before."] });
  const table = new Table({ caption: "Scores", columns: SCORES, keyOf: (row) => `${row.name} ${row.origin}`, sort: "name.up", param: "sort_scores", empty: ["No scores in this time", "Send what judges, users and heuristics say of answers:", 'gauge.score("helpfulness", 0.8, call=call.ref, origin="judge")'] });
  const compared = h("span", {});
  const grid = h("div", { class: "grid three" });
  const charts = new Map();
  const driftPanel = panel("Drift", { flush: true, aside: compared }, drift.node);
  const form = filters(["service", "model", "feature"].map((name) => [name, name[0].toUpperCase() + name.slice(1)]), { verb: "Show", label: "Which calls" });
  const node = h("div", { class: "stack" }, form.node, driftPanel, panel("Scores", { flush: true }, table.node), grid);
  let askedAt = 0, of = "";

  async function refresh({ signal }) {
    const asked = span();
    form.show();
    const where = Object.fromEntries(["service", "model", "feature"].map((name) => [name, state.query.getAll(name)]).filter(([, values]) => values.length));
    const only = Object.fromEntries(Object.entries(where).map(([name, [value]]) => [name, value]));
    const due = Date.now() - askedAt > 10_000 || of !== location.search;
    const [found, events, report] = await Promise.all([get("/v1/quality", { ...where, ...asked }, signal), eventsOf(asked, only, signal), due ? get("/v1/drift", { ...where, ...asked }, signal) : null]);
    if (report) {
      [askedAt, of] = [Date.now(), location.search];
      drift.update(report.calls[0] && report.calls[1] ? report.changes : []);
      setText(compared, `${brief(report.baseline.start)} – ${brief(report.baseline.end)} (${count(report.calls[0])} calls) against ${brief(report.now.start)} – ${brief(report.now.end)} (${count(report.calls[1])})`);
    }
    table.update(found.scores);
    for (const score of found.scores.slice(0, MOST_CHARTS)) draw(score, found.step_s, asked, events.shown);
  }

  function draw(score, step, asked, events) {
    const key = `${score.name} ${score.origin}`;
    if (!charts.has(key)) {
      const chart = new Chart({ title: score.name, aside: score.origin, format: plain, zero: score.lowest >= 0, lines: [{ key: "mean", label: "mean", tone: "accent", join: true }] });
      charts.set(key, chart);
      grid.append(chart.node);
    }
    const at = new Map(score.times.map((time, index) => [time, score.means[index]]));
    const times = [];
    for (let time = Math.floor(asked.from / step) * step; time < asked.to; time += step) times.push(time);
    charts.get(key).update({ times, values: { mean: times.map((time) => at.get(time) ?? null) }, span: asked, events });
  }

  return { title: "Quality and drift", nav: "quality", node, refresh, destroy: () => charts.forEach((chart) => chart.destroy()) };
}
