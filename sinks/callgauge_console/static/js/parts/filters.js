// A form of labels to choose by. What is chosen stands in the address.

import { h } from "../dom.js";
import { go, here, state } from "../state.js";

/** `fields`: [name, title] of texts; `selects`: [name, title, values]. `clears`: parameters that a new choice takes away. */
export function filters(fields, { selects = [], verb = "Find", label, clears = [] }) {
  const texts = fields.map(([name, title]) => [name, h("input", { name, autocomplete: "off", spellcheck: "false" }), title]);
  const lists = selects.map(([name, title, values]) => [name, h("select", { name }, values.map((each) => h("option", { value: each }, each || "any"))), title, values]);
  const set = (event) => {
    event.preventDefault();
    const asked = Object.fromEntries([...texts, ...lists].map(([name, field]) => [name, field.value.trim() || null]));
    go(here({ ...asked, ...Object.fromEntries(clears.map((name) => [name, null])) }));
  };
  const node = h("form", { class: "panel", onsubmit: set, "aria-label": label }, h("div", { class: "body row filters" },
    [...texts, ...lists].map(([, field, title]) => h("label", { class: "field" }, title, field)), h("button", { class: "button primary", type: "submit" }, verb)));
  const show = () => {
    for (const [name, field] of texts) if (document.activeElement !== field) field.value = state.query.get(name) ?? "";
    for (const [name, field, , values] of lists) if (document.activeElement !== field) field.value = values.includes(state.query.get(name)) ? state.query.get(name) : "";
  };
  return { node, show };
}
