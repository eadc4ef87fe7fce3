// Single calls as a table. Each leads to its trace, its service, model and user.

import { h, setText } from "../dom.js";
import { dollars, duration, short } from "../format.js";
import { link } from "../state.js";
import { brief, full } from "../times.js";
import { badge } from "./bits.js";
import { Table } from "./table.js";

function named(row) {
  const name = row.name || row.operation || "call";
  return row.trace_id ? h("a", { class: "name", href: link(["trace", row.trace_id]), title: row.trace_id }, name) : h("span", { class: "name" }, name);
}

const clip = (key, title, text, path = null) => ({ key, title, class: "clip", make: (row) => {
  const value = text(row);
  return value && (path ? h("a", { class: "plain", href: link([path, row[`${path === "user" ? "user_id" : path}`]]), title: value }, value) : h("span", { title: value }, value));
} });

const COLUMNS = [
  { key: "ended", title: "Ended", cell: (row, td) => { setText(td, brief(row.end_ms / 1e3)); td.title = full(row.end_ms / 1e3); } },
  { key: "call", title: "Call", make: named },
  clip("service", "Service", (row) => row.service, "service"),
  clip("model", "Model", (row) => (row.response_model && row.response_model !== row.model ? `${row.model} → ${row.response_model}` : row.model), "model"),
  clip("feature", "Feature", (row) => row.feature, "feature"),
  clip("user", "User", (row) => row.user_id, "user"),
  { key: "status", title: "Status", make: (row) => [badge(row.status), row.error_type ? ` ${row.error_type}` : ""] },
  { key: "latency", title: "Latency", num: true, text: (row) => duration(row.latency_ms) },
  { key: "ttft", title: "First token", num: true, text: (row) => duration(row.time_to_first_token_ms) },
  { key: "tokens", title: "Tokens in / out", num: true, text: (row) => `${short(row.input_tokens)} / ${short(row.output_tokens)}` },
  { key: "cost", title: "Cost", num: true, text: (row) => dollars(row.cost_usd) },
];

/** `user`: whether there is a column of users. */
export function callTable({ user = true } = {}) {
  const columns = user ? COLUMNS : COLUMNS.filter((column) => column.key !== "user");
  return new Table({ caption: "Calls", columns, keyOf: (row) => row.event_id, empty: ["No call was found", "Choose a longer time, or take a filter away."] });
}
