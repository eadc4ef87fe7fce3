// Small parts: panels, badges, labels, states that say what to do.

import { h } from "../dom.js";
import { link } from "../state.js";

export const panel = (title, { aside = "", flush = false } = {}, ...body) =>
  h("section", { class: "panel" }, title && h("header", {}, h("h2", {}, title), aside && h("span", { class: "aside" }, aside)), h("div", { class: flush ? "flush" : "body" }, body));

const TONE = { critical: "bad", error: "bad", warning: "warn", info: "", firing: "bad", pending: "warn", acknowledged: "accent", silenced: "", resolved: "good", success: "good", fallback: "warn", cancelled: "", ok: "good", open: "warn", gap: "bad", exact: "good", "on its way": "warn", missing: "bad" };
export const badge = (word, tone = TONE[word] ?? "") => h("span", { class: `badge ${tone}` }, word);

export const label = (name, value) => h("span", { class: "label", title: `${name}=${value}` }, name, "=", h("b", {}, value));
export const labels = (of) => h("span", { class: "labels" }, Object.entries(of).map(([name, value]) => label(name, value)));

export const empty = (what, hint, command) => h("div", { class: "empty" }, h("b", {}, what), hint, command && h("div", {}, h("code", {}, command)));

export const banner = (tone, what, more, ...rest) => h("div", { class: `banner ${tone}`, role: tone === "bad" ? "alert" : "status" }, h("span", { class: "what" }, what), h("span", {}, more), rest);

/** A link inside the page. */
export const to = (path, set, ...children) => h("a", { href: link(path, set) }, children);

export const key = (tone, name, value) => h("span", { class: "key" }, h("i", { class: `swatch ${tone}` }), name, " ", h("b", {}, value));

/** A request that did not succeed, and what to do. */
export function problem(error) {
  const hints = { 401: "Enter a key below.", 403: "Ask whoever runs callgauge for a key that may.", 429: "Too many requests; it goes on in a moment.", 503: "It tries again by itself." };
  return banner(error.status === 503 || error.status === 429 ? "warn" : "bad", error.status ? `${error.status}` : "No answer", error.message, hints[error.status] && h("span", { class: "muted" }, hints[error.status]));
}
