// Whether everything is there, and how far each part of the pipeline is.

import { get } from "../api.js";
import { h, put, setText } from "../dom.js";
import { count } from "../format.js";
import { badge, banner, panel } from "../parts/bits.js";
import { Table } from "../parts/table.js";
import { RANGES, state } from "../state.js";
import { ago, full } from "../times.js";

const now = () => Date.now() / 1e3;
const num = (key, title) => ({ key, title, num: true, text: (row) => count(row[key]), value: (row) => row[key] });
const text = (key, title) => ({ key, title, text: (row) => row[key], value: (row) => row[key] });
const lost = (key, title) => ({ ...num(key, title), cell: (row, td) => { setText(td, count(row[key])); td.classList.toggle("bad-text", row[key] > 0); } });
// Cluster id, topic id (which may hold slashes) and partition: enough of it to tell sources apart.
function short(source) {
  const [cluster, ...rest] = source.split("/");
  const partition = rest.pop();
  return rest.length ? `${cluster.slice(0, 4)}/${rest.join("/").slice(0, 4)}/${partition}` : source;
}

const TABLES = {
  hours: ["Read, counted, stored", [{ key: "source", title: "Source", cell: (row, td) => { setText(td, `${short(row.source)}`); td.title = row.source; }, value: (row) => row.source }, { key: "hour", title: "Hour (UTC)", text: (row) => (row.hour ?? "").slice(0, 16).replace("T", " "), value: (row) => row.hour ?? "" }, text("holds", "Holds"), num("records", "Records"), num("counted", "Counted"), num("duplicates", "Duplicates"), lost("dead", "Dead"), num("late", "Late"), lost("lost", "Lost"), num("stored", "Stored"), { key: "state", title: "State", cell: (row, td) => put(td, badge(row.state)), value: (row) => row.state }], (row) => `${row.source} ${row.hour} ${row.holds}`, "hour.down", ["Nothing was rolled up in this time", "Choose a longer time, or send calls."]],
  lags: ["Lag of consumer groups", [text("group", "Group"), text("topic", "Topic"), num("partitions", "Partitions"), num("end", "Records"), num("committed", "Committed"), num("lag", "Not committed"), num("unprocessed", "Not processed"), { key: "most", title: "Most behind", text: (row) => row.most, value: (row) => row.behind }], (row) => `${row.group} ${row.topic}`, "most.down", ["The bus has not been asked yet", "It is asked every ten seconds."]],
  stored: ["Watermarks of the history", [text("name", "Table"), { key: "newest", title: "Stored up to (event time)", text: (row) => full(row.newest), value: (row) => row.newest }, { key: "ago", title: "Ago", num: true, text: (row) => (row.newest ? ago(row.newest, now()) : "–") }, num("rows", "Rows")], (row) => row.name, "name.up"],
  emitters: ["Services that emit", [{ key: "service", title: "Service", text: (row) => row.service || "(no name)", value: (row) => row.service }, num("alive", "Alive"), lost("silent", "Silent"), num("emitted", "Emitted"), num("delivered", "Delivered"), lost("dropped", "Dropped"), num("invalid", "Invalid"), lost("failed", "Failed"), num("on_disk", "On disk")], (row) => row.service, "service.up", ["No heartbeats", "Processes with a Gauge tell every ten seconds that they are alive; replays and the gateway do not."]],
  dead: ["Dead letters", [text("topic", "Topic"), text("field", "Field"), { key: "reason", title: "Reason", class: "text", text: (row) => row.reason }, num("letters", "Letters"), { key: "newest", title: "Newest", text: (row) => full(row.newest), value: (row) => row.newest }], (row) => `${row.topic} ${row.field} ${row.reason}`, "letters.down", ["No dead letters", "Every message could be read."]],
  mended: ["Mended fields", [text("service", "Service"), text("topic", "Topic"), text("field", "Field"), { key: "mended", title: "What was done", class: "text", text: (row) => row.mended }, num("events", "Events")], (row) => `${row.topic} ${row.service} ${row.field} ${row.mended}`, "events.down", ["Nothing was mended", "All events came as they should."]],
};

/** Partitions added up: a line for each group and topic. What is not known of one is not known of all. */
function groupsOf(lags) {
  const found = new Map();
  for (const each of lags) {
    const key = `${each.group} ${each.topic}`;
    if (!found.has(key)) found.set(key, { group: each.group, topic: each.topic, parts: [] });
    found.get(key).parts.push(each);
  }
  const sum = (parts, name) => parts.reduce((all, each) => (all === null || each[name] === null ? null : all + each[name]), 0);
  const behind = (each) => each.unprocessed ?? each.lag ?? 0;
  return [...found.values()].map(({ group, topic, parts }) => {
    const most = parts.reduce((a, b) => (behind(b) > behind(a) ? b : a));
    const of = Object.fromEntries(["end", "lag", "unprocessed"].map((name) => [name, sum(parts, name)]));
    return { group, topic, partitions: parts.length, committed: parts.reduce((all, each) => all + (each.committed ?? 0), 0), ...of, behind: behind(most), most: behind(most) ? `partition ${most.partition}: ${count(behind(most))}` : "" };
  });
}

export function pipelinePage() {
  const tables = Object.fromEntries(Object.entries(TABLES).map(([name, [caption, columns, keyOf, sort, none]]) => [name, new Table({ caption, columns, keyOf, sort, param: `sort_${name}`, empty: none })]));
  const verdict = h("div", {}), notes = h("div", {}), asked = h("span", {});
  const part = (name, aside = "") => panel(TABLES[name][0], { flush: true, aside }, tables[name].node);
  const node = h("div", { class: "stack" }, verdict, notes, part("hours"), h("div", { class: "grid two" }, part("stored"), part("emitters")), part("lags", asked), part("dead"), part("mended"));
  let said = "";

  async function refresh({ signal }) {
    const hours = (RANGES[state.range] ?? 86_400) / 3_600;
    const [whole, pipeline] = await Promise.all([get("/v1/completeness", { hours }, signal), get("/v1/pipeline", {}, signal)]);
    const text = JSON.stringify([whole.status, whole.verdict, whole.gaps, whole.pending, whole.notes]);
    if (text !== said) {
      said = text;
      const tone = { exact: "good", "on its way": "", missing: "bad" }[whole.status];
      put(verdict, banner(tone, { exact: "Exact", "on its way": "On its way", missing: "Missing" }[whole.status], whole.verdict.replace(/^completeness: (exact: |on its way: )?/, "")));
      const lines = [...whole.gaps.map((gap) => ["gap", `${gap.kind}: ${gap.message}`]), ...whole.pending.map((line) => ["pending", line]), ...whole.notes.map((line) => ["note", line])];
      put(notes, lines.length > 0 && h("section", { class: "panel" }, h("ul", { class: "alert-list" }, lines.slice(0, 50).map(([word, line]) => h("li", {}, badge(word), h("span", { class: "summary" }, line))))));
    }
    tables.hours.update(whole.hours);
    tables.lags.update(groupsOf(pipeline.lags));
    for (const name of ["stored", "emitters", "dead", "mended"]) tables[name].update(pipeline[name]);
    setText(asked, pipeline.problem || (pipeline.asked_at ? `rollup commits whole blocks: what it has counted of an open one is processed, not committed; asked ${ago(pipeline.asked_at, now())} ago` : ""));
  }

  return { title: "Completeness and pipeline", nav: "pipeline", node, refresh };
}
