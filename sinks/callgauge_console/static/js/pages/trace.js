// One trace as a waterfall: when each step ran, what it cost, and what the whole waited for.

import { get } from "../api.js";
import { h, put } from "../dom.js";
import { count, dollars, duration, short } from "../format.js";
import { badge, panel } from "../parts/bits.js";
import { Tiles } from "../parts/tiles.js";
import { here, link, readAddress, state } from "../state.js";
import { full } from "../times.js";

const STEPS = new Set(["chain", "retrieval", "execute_tool", "tool", "invoke_agent", "workflow"]);

export function tracePage(id) {
  const tiles = new Tiles(6);
  const rows = h("div", { class: "waterfall", role: "table", "aria-label": "Steps of the trace" });
  const facts = h("div", {});
  const node = h("div", { class: "stack" }, tiles.node, panel("Steps", { flush: true, aside: "darker: what the whole trace waited for" }, rows), facts);
  let chosen = state.query.get("span");

  /** Shows the facts of a step; the address says which. */
  function choose(each, trace) {
    chosen = each.call.event_id;
    history.replaceState({}, "", here({ span: chosen }));
    readAddress();
    show(trace);
  }

  async function refresh({ signal }) {
    const trace = await get(`/v1/traces/${encodeURIComponent(id)}`, {}, signal);
    const length = Math.max(1, trace.end_ms - trace.start_ms);
    tiles.update([
      { name: "Took", value: duration(length), note: full(trace.start_ms / 1e3) },
      { name: "Steps", value: count(trace.spans.length), note: models(trace) },
      { name: "Errors", value: count(trace.errors), tone: trace.errors ? "bad" : "" },
      { name: "Input tokens", value: short(trace.input_tokens), title: count(trace.input_tokens) },
      { name: "Output tokens", value: short(trace.output_tokens), title: count(trace.output_tokens) },
      { name: "Cost", value: dollars(trace.cost_usd) },
    ]);
    put(rows, head(length), trace.spans.map((each) => row(each, trace, length, () => choose(each, trace))));
    show(trace);
  }

  function show(trace) {
    const each = trace.spans.find(({ call }) => call.event_id === chosen) ?? trace.spans[0];
    put(facts, panel(each.call.name || each.call.operation, { aside: each.call.event_id }, details(each)));
  }

  return { title: "Trace", kind: id, nav: "calls", timed: false, live: false, node, refresh };
}

function head(length) {
  return h("div", { class: "span-row head", role: "row" }, h("span", { role: "columnheader" }, "Step"), h("span", { role: "columnheader" }, `0 … ${duration(length)}`), h("span", { class: "num span-tokens", role: "columnheader" }, "Tokens in / out"), h("span", { class: "num", role: "columnheader" }, "Cost"));
}

function models(trace) {
  const number = trace.spans.filter(({ call }) => !STEPS.has(call.operation)).length;
  return `${count(number)} model call${number === 1 ? "" : "s"}`;
}

function row({ call, depth, critical }, trace, length, choose) {
  const took = Math.max(0, call.latency_ms ?? 0);
  const at = (ms) => `${((ms - trace.start_ms) / length) * 100}%`;
  const tone = call.status === "error" ? "bad" : STEPS.has(call.operation) ? "step" : "";
  const waited = critical.map(([from, until]) => h("span", { class: `span-bar critical ${tone}`, style: { left: at(from), width: `${((until - from) / length) * 100}%` } }));
  const bar = h("span", { class: `span-bar ${tone}`, style: { left: at(call.start_ms), width: `${(took / length) * 100}%` } });
  const first = call.time_to_first_token_ms !== null && h("span", { class: "span-first", title: `first token after ${duration(call.time_to_first_token_ms)}`, style: { left: at(call.start_ms + call.time_to_first_token_ms) } });
  const name = h("button", { type: "button", class: "plain-button span-name", style: { "padding-left": `${depth * 16}px` }, onclick: choose }, call.name || call.operation, h("span", { class: "muted" }, ` ${[call.model, duration(call.latency_ms)].filter(Boolean).join(" · ")}`));
  return h("div", { class: "span-row", role: "row" }, h("span", { role: "cell", class: "span-name" }, name), h("span", { role: "cell", class: "span-track" }, bar, waited, first),
    h("span", { role: "cell", class: "num span-tokens" }, call.input_tokens === null && call.output_tokens === null ? "" : `${short(call.input_tokens)} / ${short(call.output_tokens)}`), h("span", { role: "cell", class: "num" }, call.cost_usd === null ? "" : dollars(call.cost_usd)));
}

function details({ call, critical_ms: critical }) {
  const fact = (name, value) => value !== "" && value !== null && value !== undefined && [h("dt", {}, name), h("dd", {}, value)];
  return h("dl", { class: "facts" },
    fact("status", [badge(call.status), call.error_type && ` ${call.error_type}`]), fact("error", call.error_message), fact("operation", call.operation),
    fact("service", h("a", { href: link(["service", call.service]) }, call.service)), fact("feature", call.feature), fact("provider", call.provider),
    fact("model", call.model && h("a", { href: link(["model", call.model]) }, call.model)), fact("answered by", call.response_model), fact("prompt version", call.prompt_version), fact("variant", call.variant),
    fact("user", call.user_id && h("a", { href: link(["user", call.user_id]) }, call.user_id)), fact("session", call.session_id && h("a", { href: link("/calls", { session: call.session_id }) }, call.session_id)),
    fact("began", full(call.start_ms / 1e3)), fact("latency", duration(call.latency_ms)), fact("first token", call.time_to_first_token_ms === null ? "" : duration(call.time_to_first_token_ms)), fact("waited for", duration(critical)),
    fact("finish reason", call.finish_reason), fact("retries", call.retry_count || ""), fact("tokens", tokens(call)), fact("cost", call.cost_usd === null ? "" : dollars(call.cost_usd)),
    Object.entries(call.tags).map(([name, value]) => fact(name, value)));
}

function tokens(call) {
  if (call.input_tokens === null && call.output_tokens === null) return "";
  const of = (whole, part, word) => `${count(whole)}${part ? ` (${count(part)} ${word})` : ""}`;
  return `${of(call.input_tokens, call.cache_read_tokens, "from a cache")} in, ${of(call.output_tokens, call.reasoning_tokens, "reasoning")} out`;
}
