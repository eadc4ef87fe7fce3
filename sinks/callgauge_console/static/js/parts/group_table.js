// Services, models, features or users, each a line with its figures and the course of its calls.

import { h, setText } from "../dom.js";
import { count, dollars, duration, percent, short } from "../format.js";
import { link } from "../state.js";
import { spark } from "./spark.js";
import { Table } from "./table.js";

const PAGES = { service: "service", model: "model", feature: "feature", user_id: "user" };
const NAMES = { service: "Service", model: "Model", feature: "Feature", user_id: "User" };

export function groupTable(by, { short: brief = false, param = "sort" } = {}) {
  const columns = [
    { key: "name", title: NAMES[by], value: (row) => row.value, make: (row) => name(by, row) },
    { key: "course", title: "Calls over time", make: (row) => spark(`Calls of ${row.value || "(none)"} over time`), cell: (row, td) => td.firstChild.draw(row.course) },
    { key: "calls", title: "Calls", num: true, value: (row) => row.totals.calls, text: (row) => (brief ? short(row.totals.calls) : count(row.totals.calls)) },
    { key: "errors", title: "Errors", num: true, value: (row) => row.totals.error_rate, cell: errors },
    { key: "p50", title: "p50", num: true, value: (row) => row.totals.latency_p50_ms, text: (row) => duration(row.totals.latency_p50_ms) },
    { key: "p95", title: "p95", num: true, value: (row) => row.totals.latency_p95_ms, text: (row) => duration(row.totals.latency_p95_ms) },
    { key: "p99", title: "p99", num: true, value: (row) => row.totals.latency_p99_ms, text: (row) => duration(row.totals.latency_p99_ms) },
    { key: "ttft", title: "TTFT p95", num: true, value: (row) => row.totals.ttft_p95_ms, text: (row) => duration(row.totals.ttft_p95_ms) },
    { key: "input", title: "Input", num: true, value: (row) => row.totals.input_tokens, text: (row) => short(row.totals.input_tokens) },
    { key: "output", title: "Output", num: true, value: (row) => row.totals.output_tokens, text: (row) => short(row.totals.output_tokens) },
    { key: "cost", title: "Cost", num: true, value: (row) => row.totals.cost_usd, text: (row) => dollars(row.totals.cost_usd) },
  ];
  const kept = brief ? columns.filter((column) => ["name", "course", "calls", "errors", "p95", "cost"].includes(column.key)) : columns;
  const table = new Table({ caption: `${NAMES[by]}s`, columns: kept, keyOf: (row) => row.value, sort: "calls.down", param, empty: [`No ${NAMES[by].toLowerCase()} in this time`, by === "user_id" ? "Calls carry user_id where a service sends it. Or choose a longer time." : "Choose a longer time, or send calls."] });
  return { node: table.node, update: (found) => table.update(found.rows) };
}

function errors(row, td) {
  setText(td, percent(row.totals.error_rate));
  td.classList.toggle("bad-text", row.totals.error_rate > 0.05);
  td.title = `${count(row.totals.errors)} failed`;
}

function name(by, row) {
  const text = row.value || "(none)";
  return row.value ? h("a", { class: "name", title: text, href: link([PAGES[by], row.value]) }, text) : h("span", { class: "muted" }, text);
}

