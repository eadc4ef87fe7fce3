// A line without axes, in a cell of a table.

import { s } from "../dom.js";

const W = 108, H = 22;

/** An SVG of the values; null leaves a gap. `label` is what a screen reader says. */
export function spark(label) {
  const area = s("path", { class: "area" });
  const line = s("path", {});
  const node = s("svg", { class: "spark", viewBox: `0 0 ${W} ${H}`, preserveAspectRatio: "none", role: "img", "aria-label": label }, area, line);
  node.draw = (values) => {
    const top = Math.max(...values.filter((value) => value !== null), 0) || 1;
    const step = values.length > 1 ? W / (values.length - 1) : 0;
    let path = "", filled = "", open = -1;
    const close = (index) => { if (open >= 0) filled += `L${round(index * step)} ${H}L${round(open * step)} ${H}Z`; open = -1; };
    values.forEach((value, index) => {
      if (value === null) { close(index - 1); return; }
      const point = `${round(index * step)} ${round(H - 1 - (value / top) * (H - 3))}`;
      path += `${open < 0 ? "M" : "L"}${point}`;
      filled += `${open < 0 ? "M" : "L"}${point}`;
      if (open < 0) open = index;
    });
    close(values.length - 1);
    line.setAttribute("d", path);
    area.setAttribute("d", filled);
  };
  return node;
}

const round = (value) => Math.round(value * 10) / 10;
