// What is judged, where, and what each rule told last.

import { get } from "../api.js";
import { h, put } from "../dom.js";
import { aggregate, comparison, count } from "../format.js";
import { badge, labels, panel } from "../parts/bits.js";
import { Table } from "../parts/table.js";
import { link } from "../state.js";
import { ago, brief } from "../times.js";

const limitsOf = (row) => Object.entries(row.limits).map(([severity, limit]) => [badge(severity), ` ${comparison(row.op)} ${aggregate(row.judges[0] ?? "", limit)} `]);

const COLUMNS = [
  { key: "name", title: "Rule", make: (row) => h("span", { class: "name", title: row.summary }, row.name), value: (row) => row.name },
  { key: "active", title: "Active", num: true, cell: (row, td) => { td.textContent = count(row.active); td.classList.toggle("bad-text", row.active > 0); }, value: (row) => row.active },
  { key: "judges", title: "Judges", text: (row) => row.judges.join(", "), value: (row) => row.judges.join(", ") },
  { key: "by", title: "By", text: (row) => [...row.by, ...Object.entries(row.where).map(([name, value]) => `${name}=${value}`)].join(", ") || "all calls" },
  { key: "lookback", title: "Over", num: true, text: (row) => ago(0, row.lookback_s), value: (row) => row.lookback_s },
  { key: "detector", title: "Detector", text: (row) => row.detectors.join(", ") },
  { key: "limits", title: "Limits", make: (row) => limitsOf(row) },
  { key: "place", title: "Runs in", cell: (row, td) => { put(td, badge(row.place, row.place === "stream" ? "accent" : "")); td.title = row.why; }, value: (row) => row.place },
  { key: "last", title: "Told last", cell: lastTold, value: (row) => row.last?.at ?? 0 },
];

function lastTold(row, td) {
  const last = row.last;
  const text = last ? `${last.alert_id} ${last.at} ${last.state}` : "";
  if (td.shown === text) return;
  td.shown = text;
  put(td, last ? [h("a", { href: link(["alert", last.alert_id]) }, `${aggregate(row.judges[0] ?? "", last.value)}`), h("span", { class: "sub" }, `${last.state}, ${brief(last.at)}`), " ", labels(last.labels)] : h("span", { class: "muted" }, "nothing yet"));
}

export function rulesPage() {
  const table = new Table({ caption: "Rules", columns: COLUMNS, keyOf: (row) => row.name, sort: "name.up", empty: ["No rules", "Name a file of rules in CALLGAUGE_RULES_FILE."] });
  const file = h("span", {});
  const node = panel("Rules in force", { flush: true, aside: file }, table.node);

  async function refresh({ signal }) {
    const found = await get("/v1/rules", {}, signal);
    const pushed = found.version ? `, pushed by ${found.author}, in force since ${brief(found.effective_from)}` : "";
    file.textContent = `${found.file}${pushed}${found.coming.length ? `; ${count(found.coming.length)} more to come` : ""}${found.problem ? `; ${found.problem}` : ""}`;
    table.update(found.rules);
  }

  return { title: "Rules", nav: "rules", timed: false, node, refresh };
}
