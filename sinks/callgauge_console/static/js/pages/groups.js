// All services, models, features or users of a time.

import { get } from "../api.js";
import { h, put } from "../dom.js";
import { count } from "../format.js";
import { panel } from "../parts/bits.js";
import { groupTable } from "../parts/group_table.js";
import { span, state } from "../state.js";

const TITLES = { service: "Services", model: "Models", feature: "Features", user_id: "Users" };
const MOST = 200;
const SORTS = { name: "calls", course: "calls", calls: "calls", errors: "errors", p50: "calls", p95: "calls", p99: "calls", ttft: "calls", input: "tokens", output: "tokens", cost: "cost" };

export function groupsPage(by) {
  const table = groupTable(by);
  const aside = h("span", {});
  const node = panel("", { flush: true }, table.node, h("div", { class: "pager muted" }, aside));

  async function refresh({ signal }) {
    const asked = span();
    const top = SORTS[(state.query.get("sort") ?? "calls").split(".")[0]] ?? "calls";
    const found = await get("/v1/breakdown", { ...asked, by, top, limit: MOST }, signal);
    table.update(found);
    put(aside, found.rows.length > 0 && (found.more ? `the ${count(found.rows.length)} with the most ${top}; there are more` : `${count(found.rows.length)} in all`));
  }

  return { title: TITLES[by], nav: by === "user_id" ? "users" : `${by}s`, node, refresh };
}
