// Single calls, found by who, what and how they ended, page by page. Each leads to its trace.

import { get } from "../api.js";
import { h, setText } from "../dom.js";
import { dollars, duration, short } from "../format.js";
import { badge, panel } from "../parts/bits.js";
import { Table } from "../parts/table.js";
import { go, here, link, span, state } from "../state.js";
import { brief, full } from "../times.js";

const FILTERS = [["service", "Service"], ["model", "Model"], ["feature", "Feature"], ["user", "User"]];
const STATUS = ["", "success", "error", "fallback", "cancelled"];

function call_cell(row) {
  const name = row.name || row.operation || "call";
  return row.trace_id ? h("a", { class: "name", href: link(["trace", row.trace_id]), title: row.trace_id }, name) : h("span", { class: "name" }, name);
}

const clip = (key, title, text) => ({ key, title, class: "clip", cell: (row, td) => { setText(td, text(row)); td.title = text(row); } });

const COLUMNS = [
  { key: "ended", title: "Ended", cell: (row, td) => { setText(td, brief(row.end_ms / 1e3)); td.title = full(row.end_ms / 1e3); } },
  { key: "call", title: "Call", make: call_cell },
  clip("service", "Service", (row) => row.service),
  clip("model", "Model", (row) => (row.response_model && row.response_model !== row.model ? `${row.model} → ${row.response_model}` : row.model)),
  clip("feature", "Feature", (row) => row.feature),
  clip("user", "User", (row) => row.user_id),
  { key: "status", title: "Status", make: (row) => [badge(row.status), row.error_type ? ` ${row.error_type}` : ""] },
  { key: "latency", title: "Latency", num: true, text: (row) => duration(row.latency_ms) },
  { key: "ttft", title: "First token", num: true, text: (row) => duration(row.time_to_first_token_ms) },
  { key: "tokens", title: "Tokens in / out", num: true, text: (row) => `${short(row.input_tokens)} / ${short(row.output_tokens)}` },
  { key: "cost", title: "Cost", num: true, text: (row) => dollars(row.cost_usd) },
];

export function callsPage() {
  const table = new Table({ caption: "Calls", columns: COLUMNS, keyOf: (row) => row.event_id, empty: ["No call was found", "Choose a longer time, or take a filter away."] });
  const next = h("button", { type: "button", class: "button", onclick: () => go(here({ cursor: cursor })) }, "Older calls");
  const newest = h("button", { type: "button", class: "button", onclick: () => go(here({ cursor: null })) }, "Newest calls");
  let cursor = null;
  const form = filters();
  const node = h("div", { class: "stack" }, form.node, panel("", { flush: true }, table.node, h("div", { class: "pager" }, newest, next)));

  async function refresh({ signal }) {
    const asked = {};
    for (const name of [...FILTERS.map(([each]) => each), "status", "error_type"]) asked[name] = state.query.getAll(name);
    form.show();
    const found = await get("/v1/calls", { ...asked, ...span(), cursor: state.query.get("cursor"), limit: 50 }, signal);
    cursor = found.cursor;
    table.update(found.calls);
    next.hidden = !cursor;
    newest.hidden = !state.query.get("cursor");
  }

  return { title: "Calls and traces", nav: "calls", node, refresh };
}

function filters() {
  const fields = FILTERS.map(([name, title]) => [name, h("input", { name, autocomplete: "off", spellcheck: "false" }), title]);
  const status = h("select", { name: "status" }, STATUS.map((each) => h("option", { value: each }, each || "any")));
  const set = (event) => {
    event.preventDefault();
    const asked = Object.fromEntries(fields.map(([name, field]) => [name, field.value.trim() || null]));
    go(here({ ...asked, status: status.value || null, cursor: null }));
  };
  const node = h("form", { class: "panel", onsubmit: set, "aria-label": "Which calls" }, h("div", { class: "body row" },
    fields.map(([, field, title]) => h("label", { class: "field" }, title, field)), h("label", { class: "field" }, "Status", status),
    h("button", { class: "button primary", type: "submit" }, "Find")));
  const show = () => {
    for (const [name, field] of fields) if (document.activeElement !== field) field.value = state.query.get(name) ?? "";
    if (document.activeElement !== status) status.value = STATUS.includes(state.query.get("status")) ? state.query.get("status") : "";
  };
  return { node, show };
}
