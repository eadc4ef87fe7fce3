// What is spent of budgets, and whether they last.

import { h, put, setText } from "../dom.js";
import { count, dollars, percent, plain, short } from "../format.js";
import { link } from "../state.js";
import { brief, full } from "../times.js";
import { Table } from "./table.js";

const amount = (row, value) => (row.of === "cost_usd" ? dollars(value) : short(value));
const tone = (row) => (row.share >= 1 ? "bad" : row.share >= 0.8 || row.exhausted_at !== null ? "warn" : "");

function meter(row, td) {
  td.bar ??= put(td, h("div", { class: "row tight" }, h("div", { class: "meter" }, h("span", {})), h("span", {})));
  const [bar, text] = [td.querySelector(".meter > span"), td.querySelector(".row > span")];
  bar.className = tone(row);
  bar.style.setProperty("width", `${Math.min(100, row.share * 100)}%`);
  setText(text, percent(row.share));
}

const PAGES = { user_id: "user", service: "service", model: "model", feature: "feature" };
function whose(row) {
  if (!row.by) return "all calls";
  const name = PAGES[row.by] ? h("a", { class: "name", href: link([PAGES[row.by], row.value]) }, row.value) : row.value;
  return [h("span", { class: "muted" }, `${row.by === "user_id" ? "user" : row.by} `), name];
}

const COLUMNS = [
  { key: "budget", title: "Budget", text: (row) => row.budget, value: (row) => row.budget },
  { key: "whose", title: "Whose", make: whose, value: (row) => row.value },
  { key: "period", title: "Period", cell: (row, td) => { setText(td, row.period); td.title = `${full(row.start)} – ${full(row.end)}`; }, value: (row) => row.period },
  { key: "spent", title: "Spent", num: true, text: (row) => amount(row, row.spent), value: (row) => row.spent },
  { key: "limit", title: "Limit", num: true, text: (row) => amount(row, row.limit), value: (row) => row.limit },
  { key: "share", title: "Share of the limit", cell: meter, value: (row) => row.share },
  { key: "burn", title: "Burn rate", num: true, text: (row) => plain(row.burn), value: (row) => row.burn },
  { key: "exhausted", title: "Exhausted", cell: (row, td) => { setText(td, row.share >= 1 ? "used up" : row.exhausted_at === null ? "it lasts" : brief(row.exhausted_at)); td.className = row.share >= 1 ? "bad-text" : row.exhausted_at === null ? "" : "warn-text"; }, value: (row) => row.exhausted_at ?? Infinity },
  { key: "calls", title: "Calls", num: true, text: (row) => count(row.calls), value: (row) => row.calls },
];

/** `whose`: whether there is a column that says whose budget it is. */
export function budgetTable({ whose: told = true } = {}) {
  const columns = told ? COLUMNS : COLUMNS.filter((column) => column.key !== "whose");
  return new Table({ caption: "Budgets", columns, keyOf: (row) => `${row.budget} ${row.value}`, sort: "share.down", param: told ? "sort" : "sort_budgets", empty: told ? ["Nothing is spent of a budget", "Write what users, features or services may spend in a file, and name it:", "CALLGAUGE_BUDGETS_FILE=budgets.yaml"] : ["No budget concerns this user", "A budget with `by: user_id` gives each user one:", "CALLGAUGE_BUDGETS_FILE=budgets.yaml"] });
}
