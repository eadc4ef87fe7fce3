// What is spent of each budget, and whether it lasts.

import { get } from "../api.js";
import { panel } from "../parts/bits.js";
import { budgetTable } from "../parts/budget_table.js";

export function budgetsPage() {
  const table = budgetTable();
  const node = panel("Spent in the present period", { flush: true, aside: "burn rate 1: it lasts exactly for its period" }, table.node);
  const refresh = async ({ signal }) => table.update((await get("/v1/budgets", {}, signal)).spending);
  return { title: "Budgets", nav: "budgets", timed: false, node, refresh };
}
