// What is judged, where, and what each rule told last.

import { get } from "../api.js";
import { h, put, setText } from "../dom.js";
import { aggregate, comparison, count } from "../format.js";
import { badge, labels, panel } from "../parts/bits.js";
import { Table } from "../parts/table.js";
import { link } from "../state.js";
import { brief, lasting } from "../times.js";

const limitsOf = (row) => Object.entries(row.limits).map(([severity, limit]) => h("div", { class: "nowrap" }, badge(severity), ` ${comparison(row.op)} ${aggregate(row.judges[0] ?? "", limit)}`));

/** The labels that series are told apart by; a value where the rule is about that alone. */
const seriesOf = (row) => [...row.by.filter((name) => !(name in row.where)), ...Object.entries(row.where).map(([name, value]) => `${name}=${value}`)].join(", ") || "all calls";
const judged = (row) => `${row.judges.join(", ")} over ${lasting(row.lookback_s)}${row.detectors.every((each) => each === "threshold") ? "" : ` by ${row.detectors.join(", ")}`}`;

const COLUMNS = [
  { key: "name", title: "Rule", make: (row) => h("span", { class: "name", title: row.summary }, row.name), value: (row) => row.name },
  { key: "active", title: "Active", num: true, cell: (row, td) => { setText(td, count(row.active)); td.classList.toggle("bad-text", row.active > 0); }, value: (row) => row.active },
  { key: "judges", title: "Judges", class: "text", text: judged, value: (row) => row.judges.join(", ") },
  { key: "by", title: "Of each", class: "text", text: seriesOf, value: seriesOf },
  { key: "limits", title: "Limits", class: "wrap", make: (row) => (Object.keys(row.limits).length ? limitsOf(row) : badge(row.severity)) },
  { key: "place", title: "Runs in", cell: (row, td) => { put(td, badge(row.place, row.place === "stream" ? "accent" : "")); td.title = row.why; }, value: (row) => row.place },
  { key: "now", title: "Value now", num: true, cell: valueNow, value: (row) => row.now?.value ?? null },
  { key: "last", title: "Told last", class: "wrap", cell: lastTold, value: (row) => row.last?.at ?? 0 },
];

/** The value of the series that is nearest to the limit, and which that is. */
function valueNow(row, td) {
  const now = row.now;
  const text = JSON.stringify(now ?? null);
  if (td.shown === text) return;
  td.shown = text;
  if (!now || now.value === null) { put(td, h("span", { class: "muted", title: now?.why ?? "" }, "–", h("span", { class: "hidden-text" }, now?.why ?? ""))); return; }
  const which = Object.entries(now.labels).map(([name, value]) => `${name}=${value || "(none)"}`).join(", ");
  put(td, aggregate(now.aggregate, now.value), which && h("div", { class: "muted small" }, now.series > 1 ? `${which}, of ${count(now.series)}` : which));
}

function lastTold(row, td) {
  const last = row.last;
  const text = last ? `${last.alert_id} ${last.at} ${last.state}` : "";
  if (td.shown === text) return;
  td.shown = text;
  put(td, last ? [h("a", { class: "name", href: link(["alert", last.alert_id]) }, aggregate(row.judges[0] ?? "", last.value)), h("span", { class: "sub" }, `${last.state}, ${brief(last.at)}`), h("div", {}, labels(last.labels))] : h("span", { class: "muted" }, "nothing yet"));
}

/** What rules judge now is asked of all calls of their lookbacks: not with each look. */
const VALUES_MS = 10_000;

export function rulesPage() {
  const table = new Table({ caption: "Rules", cards: true, columns: COLUMNS, keyOf: (row) => row.name, sort: "name.up", empty: ["No rules", "Name a file of rules in CALLGAUGE_RULES_FILE."] });
  const file = h("span", {});
  const node = panel("Rules in force", { flush: true, aside: file }, table.node);

  let values = new Map(), askedAt = 0;

  async function refresh({ signal }) {
    const due = Date.now() - askedAt > VALUES_MS;
    const [found, now] = await Promise.all([get("/v1/rules", {}, signal), due ? get("/v1/rules/values", {}, signal) : null]);
    if (now) [values, askedAt] = [new Map(now.values.map((each) => [each.rule, each])), Date.now()];
    const pushed = found.version ? `, pushed by ${found.author}, in force since ${brief(found.effective_from)}` : "";
    file.textContent = `${found.file.split("/").at(-1)}${pushed}${found.coming.length ? `; ${count(found.coming.length)} more to come` : ""}${found.problem ? `; ${found.problem}` : ""}`;
    file.title = found.file;
    table.update(found.rules.map((rule) => ({ ...rule, now: values.get(rule.name) })));
  }

  return { title: "Rules", nav: "rules", timed: false, node, refresh };
}
