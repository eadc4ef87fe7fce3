// A row of figures.

import { h, setText } from "../dom.js";

export class Tiles {
  constructor(number) {
    this.tiles = Array.from({ length: number }, () => {
      const parts = { name: h("div", { class: "name" }), value: h("span", {}), note: h("div", { class: "note" }) };
      return { ...parts, node: h("div", { class: "tile" }, parts.name, h("div", { class: "value" }, parts.value), parts.note) };
    });
    this.node = h("div", { class: "tiles" }, this.tiles.map((tile) => tile.node));
  }

  /** `figures`: [{ name, value, note, tone, title }]. */
  update(figures) {
    figures.forEach((figure, index) => {
      const tile = this.tiles[index];
      setText(tile.name, figure.name);
      setText(tile.value, figure.value);
      setText(tile.note, figure.note ?? "");
      tile.value.className = figure.tone ?? "";
      tile.node.title = figure.title ?? "";
    });
  }
}
