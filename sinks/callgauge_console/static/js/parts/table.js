// A table that is sorted by its heads and filled again without losing focus. The address keeps the order.

import { h, keyed, put, setText } from "../dom.js";
import { go, here, state } from "../state.js";

export class Table {
  /** `columns`: [{ key, title, num, text(row), cell(row, td), value(row) }]; `keyOf` names a row; `cards`: on a narrow window
   * each row is a card, for tables whose columns are words. */
  constructor({ caption, columns, keyOf, sort, param = "sort", empty, cards = false }) {
    Object.assign(this, { columns, keyOf, sort, param, empty, cards });
    // The roles are named: a browser forgets them when a stylesheet shows rows as cards.
    this.body = h("tbody", { role: "rowgroup" });
    this.heads = columns.map((column) => this.head(column));
    this.table = h("table", { role: "table", class: cards ? "cards" : null }, h("caption", { class: "hidden-text" }, caption), h("thead", { role: "rowgroup" }, h("tr", { role: "row" }, this.heads)), this.body);
    this.none = h("div", { class: "empty", hidden: true });
    this.scroll = h("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": caption }, this.table);
    this.node = h("div", {}, this.scroll, this.none);
  }

  order() {
    const [key, way] = (state.query.get(this.param) ?? this.sort ?? "").split(".");
    return { key, down: way !== "up" };
  }

  head(column) {
    const sortable = column.value !== undefined;
    const inside = sortable ? h("button", { type: "button", onclick: () => this.choose(column) }, column.title, h("span", { class: "arrow", "aria-hidden": "true" })) : column.title;
    return h("th", { scope: "col", role: "columnheader", class: column.num ? "num" : null }, inside || h("span", { class: "hidden-text" }, column.key));
  }

  choose(column) {
    const { key, down } = this.order();
    const way = key === column.key ? (down ? "up" : "down") : column.num ? "down" : "up";
    go(here({ [this.param]: `${column.key}.${way}` }), { replace: true });
  }

  /** Shows these rows. */
  update(rows) {
    const { key, down } = this.order();
    const by = this.columns.find((column) => column.key === key);
    this.columns.forEach((column, index) => {
      const mine = column === by && by.value;
      const head = this.heads[index];
      if (mine) head.setAttribute("aria-sort", down ? "descending" : "ascending"); else head.removeAttribute("aria-sort");
      const arrow = head.querySelector(".arrow");
      if (arrow) setText(arrow, mine ? (down ? " ↓" : " ↑") : "");
    });
    const sorted = by?.value ? [...rows].sort((a, b) => compared(by.value(a), by.value(b), down)) : rows;
    keyed(this.body, sorted, this.keyOf, (row) => this.row(row), (tr, row) => this.fill(tr, row));
    this.none.hidden = rows.length > 0;
    this.scroll.hidden = rows.length === 0;
    if (!rows.length) put(this.none, h("b", {}, this.empty?.[0] ?? "Nothing here"), this.empty?.[1] ?? "", this.empty?.[2] && h("div", {}, h("code", {}, this.empty[2])));
  }

  row(row) {
    return h("tr", { role: "row" }, this.columns.map((column) => h("td", { role: "cell", "data-label": this.cards ? column.title : null, class: [column.num && "num", column.class].filter(Boolean).join(" ") || null }, column.make?.(row))));
  }

  fill(tr, row) {
    this.columns.forEach((column, index) => {
      const cell = tr.children[index];
      if (column.cell) column.cell(row, cell);
      else if (column.text) setText(cell, column.text(row));
    });
  }
}

/** What is not known comes last, whichever way. */
function compared(a, b, down) {
  const none = (value) => value === null || value === undefined || Number.isNaN(value);
  if (none(a) || none(b)) return none(a) === none(b) ? 0 : none(a) ? 1 : -1;
  const order = typeof a === "string" ? a.localeCompare(b) : a - b;
  return down ? -order : order;
}
