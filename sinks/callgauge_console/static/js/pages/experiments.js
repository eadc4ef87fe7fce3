// Two variants, prompts or models beside each other.

import { get } from "../api.js";
import { h, put } from "../dom.js";
import { count, dollars, duration, percent, plain } from "../format.js";
import { badge, empty, panel } from "../parts/bits.js";
import { go, here, span, state } from "../state.js";

const LABELS = [["variant", "Variant"], ["prompt_version", "Prompt version"], ["model", "Model"], ["response_model", "Answering model"], ["feature", "Feature"]];
const OUTCOMES = { too_few: ["too few scores", ""], bad_ratio: ["groups of wrong size", "bad"], better: ["B is better", "good"], worse: ["B is worse", "bad"], no_difference: ["no difference", ""] };

export function experimentsPage() {
  const form = choice();
  const result = h("div", { class: "stack" });
  const node = h("div", { class: "stack" }, form.node, result);

  async function refresh({ signal }) {
    await form.show(signal);
    const asked = Object.fromEntries(["label", "a", "b", "origin"].map((name) => [name, state.query.get(name)]));
    if (!asked.a || !asked.b) { put(result, h("section", { class: "panel" }, empty("Choose what to compare", "A is what there was, B is what is new. Calls carry variant and prompt_version where services send them."))); return; }
    const params = { ...asked, score: state.query.getAll("score"), lower_is_better: state.query.get("lower") === "true", service: state.query.getAll("service"), ...span() };
    draw(await get("/v1/experiments", params, signal));
  }

  function draw(found) {
    put(result,
      panel("Scores", { flush: true, aside: `${count(found.calls_a)} calls of A, ${count(found.calls_b)} of B` }, found.scores.length ? scores(found.scores) : empty("No score was chosen", "Choose a score to judge by; errors, cost and latency are below.")),
      panel("Beside them", { flush: true }, beside(found)));
  }

  return { title: "Experiments", nav: "experiments", live: false, node, refresh };
}

const th = (text, num) => h("th", { scope: "col", class: num ? "num" : null }, text);
const td = (text, num = true) => h("td", { class: num ? "num" : null }, text);
const interval = (low, high, write = plain) => (low === null ? "–" : `${write(low)} … ${write(high)}`);
const table = (caption, heads, rows) => h("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": caption }, h("table", {}, h("caption", { class: "hidden-text" }, caption), h("thead", {}, h("tr", {}, heads)), h("tbody", {}, rows)));

function scores(found) {
  return table("Scores", [th("Score"), th("Verdict"), th("Mean A", 1), th("Mean B", 1), th("Shift (95 %)", 1), th("Cliff's δ (95 %)", 1), th("δ at every look", 1), th("p", 1), th("Scores", 1)], found.map(({ name, mean_a, mean_b, judgement: j }) => {
    const c = j.comparison;
    const missing = j.missing_a + j.missing_b ? `, ${count(Math.max(j.missing_a, j.missing_b))} missing` : "";
    return h("tr", {}, td(name, false), td(badge(...OUTCOMES[j.outcome]), false), td(plain(mean_a)), td(plain(mean_b)), td(c ? `${plain(c.shift)} (${interval(c.shift_low, c.shift_high)})` : "–"), td(c ? `${plain(c.delta)} (${interval(c.delta_low, c.delta_high)})` : "–"), td(interval(j.sequence_low, j.sequence_high)), td(c ? plain(c.p) : "–"), td(`${count(j.n_a)} and ${count(j.n_b)}${missing}`));
  }));
}

function beside({ errors, beside: others }) {
  const write = (unit) => (unit === "ms" ? duration : unit.includes("$") || unit.includes("dollar") ? dollars : plain);
  const rows = others.map(({ name, unit, mean_a, mean_b, comparison: c }) => h("tr", {}, td(name.replaceAll("_", " "), false), td(write(unit)(mean_a)), td(write(unit)(mean_b)), td(`${write(unit)(c.shift)} (${interval(c.shift_low, c.shift_high, write(unit))})`), td(plain(c.p))));
  if (errors) rows.unshift(h("tr", {}, td("error rate", false), td(percent(errors.share_a)), td(percent(errors.share_b)), td(`${percent(errors.difference)} (${interval(errors.low, errors.high, percent)})`), td(plain(errors.p))));
  return rows.length ? table("Errors, cost, latency", [th("Number"), th("Mean A", 1), th("Mean B", 1), th("Difference (95 %)", 1), th("p", 1)], rows) : empty("No calls of both", "Choose a longer time.");
}

function choice() {
  const label = h("select", { name: "label" }, LABELS.map(([value, text]) => h("option", { value }, text)));
  const [a, b, score] = ["a", "b", "score"].map((name) => h("input", { name, list: name === "score" ? "known-scores" : "known-values", autocomplete: "off" }));
  const lower = h("input", { type: "checkbox", name: "lower" });
  const values = h("datalist", { id: "known-values" }), names = h("datalist", { id: "known-scores" });
  const set = (event) => { event.preventDefault(); go(here({ label: label.value, a: a.value.trim(), b: b.value.trim(), score: score.value.trim(), lower: lower.checked ? "true" : null })); };
  const node = h("form", { class: "panel", onsubmit: set, "aria-label": "What to compare" }, h("div", { class: "body row" }, h("label", { class: "field" }, "Compare by", label), h("label", { class: "field" }, "A", a), h("label", { class: "field" }, "B", b), h("label", { class: "field" }, "Score", score), h("label", { class: "row tight" }, lower, "lower is better"), h("button", { class: "button primary", type: "submit" }, "Compare"), values, names));
  const show = async (signal) => {
    label.value = state.query.get("label") ?? "variant";
    for (const field of [a, b, score]) if (document.activeElement !== field) field.value = state.query.get(field.name) ?? "";
    lower.checked = state.query.get("lower") === "true";
    const by = ["variant", "prompt_version", "model", "feature"].includes(label.value) ? label.value : "model";
    const [groups, quality] = await Promise.all([get("/v1/breakdown", { by, limit: 50, ...span() }, signal), get("/v1/quality", span(), signal)]);
    put(values, groups.rows.filter((row) => row.value).map((row) => h("option", { value: row.value })));
    put(names, [...new Set(quality.scores.map((each) => each.name))].map((value) => h("option", { value })));
  };
  return { node, show };
}
