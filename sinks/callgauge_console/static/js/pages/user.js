// One user: what was used by day, what it costs, whether the budgets allow more, what failed, and the last calls.

import { get } from "../api.js";
import { h, put, setText } from "../dom.js";
import { change, count, dollars, duration, percent, short } from "../format.js";
import { alertList, worst } from "../parts/alert_list.js";
import { badge, empty, panel, to } from "../parts/bits.js";
import { budgetTable } from "../parts/budget_table.js";
import { callTable } from "../parts/call_table.js";
import { Chart } from "../parts/chart.js";
import { errorTable } from "../parts/error_table.js";
import { eventsOf, marksOf, valuesOf } from "../parts/events.js";
import { groupTable } from "../parts/group_table.js";
import { Tiles } from "../parts/tiles.js";
import { span, state } from "../state.js";
import { ago, day, full, startOfDay, zoneName } from "../times.js";

const DAYS = 30;
const DAY_S = 86_400;
/** What changes slowly, or costs more to ask for, is asked for so often. */
const SLOW_MS = 10_000;
const WORDS = { ok: ["within budget", "good"], soft: ["beyond the soft share", "warn"], hard: ["used up", "bad"] };

function charts() {
  const byDay = (title, key, format, more = {}) => new Chart({ title, format, when: day, aside: `by day, ${DAYS} days`, lines: [{ key, label: title.toLowerCase(), tone: "accent", bars: true }], ...more });
  return {
    daily: [byDay("Cost", "cost_usd", dollars), byDay("Calls", "calls", count), byDay("Tokens", "tokens", short)],
    now: [
      new Chart({ title: "Calls in each step", format: count, lines: [{ key: "errors", label: "failed", tone: "bad" }, { key: "calls", label: "calls", tone: "accent", area: true }] }),
      new Chart({ title: "Latency", format: duration, lines: [{ key: "latency_p95_ms", label: "p95", tone: "accent", join: true }, { key: "latency_p50_ms", label: "p50", tone: "accent-2", join: true }] }),
      new Chart({ title: "Cost in each step", format: dollars, lines: [{ key: "cost_usd", label: "cost", tone: "accent", area: true }] }),
    ],
  };
}

function figures({ now, before }, budget) {
  const against = before.calls ? `${change(now.cost_usd, before.cost_usd)} vs a day before` : "nothing stored a day before";
  const [word, tone] = budget?.checks.length ? WORDS[budget.decision] : ["none concerns this user", ""];
  const most = budget?.checks.reduce((a, b) => (b.spending.share > a.spending.share ? b : a), budget.checks[0])?.spending;
  return [
    { name: "Calls", value: count(now.calls) },
    { name: "Errors", value: percent(now.error_rate), tone: now.error_rate > 0.05 ? "bad" : "", note: `${count(now.errors)} failed, ${count(now.cancelled)} cancelled` },
    { name: "Latency p95", value: duration(now.latency_p95_ms), note: `p50 ${duration(now.latency_p50_ms)}` },
    { name: "Tokens", value: short(now.input_tokens + now.output_tokens), note: `${short(now.input_tokens)} in, ${short(now.output_tokens)} out` },
    { name: "Cost", value: dollars(now.cost_usd), note: against },
    { name: "Budget", value: most ? percent(most.share) : "–", tone: tone === "bad" ? "bad" : "", note: most ? `${word}: ${most.budget}, ${most.period}` : word },
  ];
}

export function userPage(user) {
  const all = charts();
  const tiles = new Tiles(6);
  const tables = ["service", "model"].map((by) => groupTable(by, { short: true, param: `sort_${by}` }));
  const [errors, budgets, recent] = [errorTable(), budgetTable({ whose: false }), callTable({ user: false })];
  const alerts = h("div", {}), verdict = h("span", {}), asOf = h("span", { class: "muted" });
  const node = h("div", { class: "stack" }, tiles.node, h("div", { class: "row" }, asOf),
    h("div", { class: "grid three" }, all.daily.map((chart) => chart.node)),
    h("div", { class: "grid three" }, all.now.map((chart) => chart.node)),
    alerts,
    panel("Budgets", { flush: true, aside: verdict }, budgets.node),
    h("div", { class: "grid two" }, panel("Services", { flush: true }, tables[0].node), panel("Models", { flush: true }, tables[1].node)),
    panel("Errors", { flush: true, aside: "by type and provider" }, errors.node),
    panel("Latest calls", { flush: true, aside: to("/calls", { user }, "All calls") }, recent.node));
  let slow = null, slowAt = 0, of = "";

  /** Usage by day, budgets, errors, groups: asked for every ten seconds. */
  async function slowly(asked, signal) {
    if (slow && of === location.search && Date.now() - slowAt < SLOW_MS) return slow;
    const zone = state.zone === "local" ? zoneName() : "UTC";
    const days = { from: startOfDay(asked.to - (DAYS - 1) * DAY_S), to: asked.to };
    const [usage, marks, budget, failed, ...groups] = await Promise.all([
      get("/v1/usage", { user, ...days, step: "day", zone }, signal), marksOf(days, {}, signal), budgetOf(user, signal), get("/v1/errors", { user, ...asked }, signal),
      ...["service", "model"].map((by) => get("/v1/breakdown", { user, ...asked, by, limit: 8 }, signal)),
    ]);
    [slow, slowAt, of] = [{ usage, marks, budget, failed, groups, days }, Date.now(), location.search];
    return slow;
  }

  async function refresh({ signal }) {
    const asked = span();
    const parts = slowly(asked, signal);
    const [summary, series, calls, found, events] = await Promise.all([
      get("/v1/summary", { user, ...asked }, signal), get("/v1/metrics", { user, ...asked }, signal), get("/v1/calls", { user, ...asked, limit: 12 }, signal),
      parts, eventsOf(asked, { user_id: user }, signal, parts.then(({ groups }) => valuesOf(groups))),
    ]);
    tiles.update(figures(summary, found.budget));
    const last = calls.calls[0];
    setText(asOf, last ? `The newest call of this time ended ${full(last.end_ms / 1e3)}, ${ago(last.end_ms / 1e3, Date.now() / 1e3)} ago` : "No call in this time");
    for (const chart of all.now) chart.update({ times: series.times, values: series.series[0]?.values ?? {}, span: asked, events: events.shown });
    for (const chart of all.daily) chart.update({ ...byDay(found.usage.rows, found.days), span: found.days, events: { alerts: [], marks: found.marks } });
    put(alerts, events.active.length > 0 && panel("Active alerts", { flush: true, aside: to("/alerts", {}, "All") }, alertList(worst(events.active).slice(0, 6))));
    put(verdict, found.budget?.checks.length ? badge(...WORDS[found.budget.decision]) : "");
    budgets.update(found.budget ? found.budget.checks.map((check) => check.spending) : []);
    errors.update(found.failed.errors);
    tables.forEach((table, index) => table.update(found.groups[index]));
    recent.update(calls.calls);
  }

  return { title: user, kind: "user", nav: "users", node: user ? node : h("section", { class: "panel" }, empty("No user is named", "Choose one on the page of users.")), refresh: user ? refresh : async () => {}, destroy: () => [...all.daily, ...all.now].forEach((chart) => chart.destroy()) };
}

/** null where whoever asks may not see budgets: those are about the calls of all services. */
async function budgetOf(user, signal) {
  try {
    return await get(`/v1/users/${encodeURIComponent(user)}/budget`, {}, signal);
  } catch (error) {
    if (error.status === 403) return null;
    throw error;
  }
}

/** A number for each day, 0 where nothing was used; each in the middle of its day. */
function byDay(rows, days) {
  const known = new Map(rows.map((row) => [row.start, { ...row, tokens: row.input_tokens + row.output_tokens }]));
  const times = [], values = { cost_usd: [], calls: [], tokens: [] };
  for (let at = days.from; at < days.to; at = startOfDay(at + 1.5 * DAY_S)) {
    times.push(at + DAY_S / 2);
    for (const [name, list] of Object.entries(values)) list.push(known.get(day(at))?.[name] ?? 0);
  }
  return { times, values };
}
