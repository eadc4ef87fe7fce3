// Single calls, found by who, what and how they ended, page by page. Each leads to its trace.

import { get } from "../api.js";
import { h } from "../dom.js";
import { panel } from "../parts/bits.js";
import { callTable } from "../parts/call_table.js";
import { filters } from "../parts/filters.js";
import { go, here, span, state } from "../state.js";

const FIELDS = [["service", "Service"], ["model", "Model"], ["feature", "Feature"], ["user", "User"]];
const STATUS = ["", "success", "error", "fallback", "cancelled"];

export function callsPage() {
  const table = callTable();
  const next = h("button", { type: "button", class: "button", onclick: () => go(here({ cursor: cursor })) }, "Older calls");
  const newest = h("button", { type: "button", class: "button", onclick: () => go(here({ cursor: null })) }, "Newest calls");
  let cursor = null;
  const form = filters(FIELDS, { selects: [["status", "Status", STATUS]], label: "Which calls", clears: ["cursor"] });
  const node = h("div", { class: "stack" }, form.node, panel("", { flush: true }, table.node, h("div", { class: "pager" }, newest, next)));

  async function refresh({ signal }) {
    const asked = {};
    for (const name of [...FIELDS.map(([each]) => each), "status", "error_type", "session"]) asked[name] = state.query.getAll(name);
    form.show();
    const found = await get("/v1/calls", { ...asked, ...span(), cursor: state.query.get("cursor"), limit: 50 }, signal);
    cursor = found.cursor;
    table.update(found.calls);
    next.hidden = !cursor;
    newest.hidden = !state.query.get("cursor");
  }

  return { title: "Calls and traces", nav: "calls", node, refresh };
}
