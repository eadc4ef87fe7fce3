// One chart over event time: lines, what lies under the cursor, marks of changes, and alerts as bands along the top.

import uPlot from "../../vendor/uplot/uPlot.esm.js";
import { h, put } from "../dom.js";
import { axisLabels, clock, day } from "../times.js";
import { go, here } from "../state.js";

const TONES = { accent: "--accent", "accent-2": "--accent-2", "accent-3": "--accent-3", bad: "--bad", warn: "--warn", quiet: "--text-3" };
const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
const all = new Set();
const sync = uPlot.sync("time");
const asBars = uPlot.paths.bars({ size: [0.7, 40] });

/** After a change of theme the canvases are drawn again, in its colours. */
export function redrawCharts() {
  for (const chart of all) chart.remake();
}

export class Chart {
  /** `lines`: [{ key, label, tone, dash, area, bars, join }], `join`: over all steps without a value, not only over few; `format` writes a value,
   * `axis` one beside the axis, `when` a time; `zero`: the axis begins at nought; `least`: it reaches so far at least. */
  constructor({ title, lines, format, axis = format, when = (at) => `${day(at)} ${clock(at)}`, height = 158, zero = true, least = 0, aside = "" }) {
    Object.assign(this, { title, lines, format, axis, when, height, zero, least });
    this.data = { times: [], values: {} };
    this.events = { alerts: [], marks: [] };
    this.now = h("div", { class: "now" });
    this.plot = h("div", { class: "plot", role: "img", "aria-label": title });
    this.none = h("div", { class: "none", hidden: true }, "no calls in this time");
    this.tip = h("div", { class: "tip", hidden: true });
    this.table = h("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": `${title}: values` });
    this.details = h("details", { ontoggle: () => this.fillTable() }, h("summary", {}, "Values"), this.table);
    this.plot.append(this.none, this.tip);
    this.node = h("section", { class: "panel chart" }, h("header", {}, h("h2", {}, title), aside && h("span", { class: "muted" }, aside), this.now), this.plot, this.details);
    this.observer = new ResizeObserver(() => this.resize());
    this.observer.observe(this.plot);
    all.add(this);
  }

  destroy() {
    this.observer.disconnect();
    this.uplot?.destroy();
    all.delete(this);
  }

  /** `values`: key -> numbers or null, as many as `times`; `latest`: key -> what the head says, else the last value. */
  update({ times, values, span, events = this.events, latest = null }) {
    this.data = { times, values };
    this.span = span;
    this.events = events;
    this.none.hidden = this.lines.some((line) => values[line.key]?.some((value) => value !== null));
    put(this.now, this.lines.map((line) => {
      const value = latest ? latest[line.key] : last(values[line.key]);
      return h("span", { class: "key" }, h("i", { class: `swatch ${line.tone}` }), line.label, " ", h("b", {}, this.format(value)));
    }));
    this.plot.setAttribute("aria-label", this.described());
    if (this.details.open) this.fillTable();
    if (!this.uplot) this.make();
    else {
      this.uplot.setData(this.columns(), false);
      this.uplot.setScale("x", { min: span.from, max: span.to });
    }
  }

  /** Adds marks of changes to what is shown. */
  mark(marks) {
    this.events = { ...this.events, marks };
    this.plot.setAttribute("aria-label", this.described());
    this.uplot?.redraw(false);
  }

  described() {
    const said = this.lines.map((line) => `${line.label} ${this.format(last(this.data.values[line.key]))}`).join(", ");
    const number = this.events.alerts.length;
    const alerts = number ? `; ${number} alert${number === 1 ? "" : "s"} in this time` : "";
    const changes = this.events.marks.map(({ text }) => text);
    return `${this.title}: ${said}${alerts}${changes.length ? `; ${changes.length} mark${changes.length === 1 ? "" : "s"}: ${changes.slice(-5).join(", ")}` : ""}`;
  }

  columns() {
    // A bar of nought would be a dash on the axis.
    const drawn = (line) => (line.bars ? this.data.values[line.key]?.map((value) => value || null) : this.data.values[line.key]);
    return [this.data.times, ...this.lines.map((line) => drawn(line) ?? this.data.times.map(() => null))];
  }

  make() {
    const width = this.plot.clientWidth - 12;
    if (width <= 0) return;
    this.uplot = new uPlot(this.options(width), this.columns(), this.plot);
    this.uplot.setScale("x", { min: this.span.from, max: this.span.to });
  }

  remake() {
    this.uplot?.destroy();
    this.uplot = null;
    if (this.span) this.make();
  }

  resize() {
    const width = this.plot.clientWidth - 12;
    if (!this.uplot) { if (this.span) this.make(); } else if (width > 0 && width !== this.uplot.width) this.uplot.setSize({ width, height: this.height });
  }

  options(width) {
    const axis = { stroke: colour("--text-3"), font: "11px Inter, system-ui, sans-serif", grid: { stroke: colour("--grid"), width: 1 }, ticks: { show: false } };
    return {
      width, height: this.height, padding: [10, 16, 0, 0], legend: { show: false },
      cursor: { sync: { key: sync.key }, drag: { x: true, y: false, setScale: false }, points: { size: 6 }, y: false },
      scales: { x: { time: false, range: (u, min, max) => [min, max] }, y: { range: (u, min, max) => this.bounds(min, max) } },
      axes: [
        { ...axis, size: 26, gap: 4, space: 64, incrs: [1, 5, 10, 30, 60, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400, 172800, 604800], values: (u, splits) => axisLabels(splits, u.scales.x.max - u.scales.x.min) },
        { ...axis, size: 58, gap: 6, space: 34, values: (u, splits) => splits.map((value) => this.axis(value)) },
      ],
      series: [{}, ...this.lines.map((line) => ({
        stroke: colour(TONES[line.tone]), width: 1.5, dash: line.dash ? [4, 4] : undefined, spanGaps: Boolean(line.join), gaps: (u, series, first, last, gaps) => wide(u, gaps), paths: line.bars ? asBars : undefined,
        fill: line.area || line.bars ? `color-mix(in srgb, ${colour(TONES[line.tone])} ${line.bars ? 45 : 12}%, transparent)` : undefined, points: { show: line.bars ? false : (u, index) => isolated(u.data[index], line.join), size: 4 },
      }))],
      hooks: {
        drawClear: [(u) => drawBands(u, this.events)],
        draw: [(u) => drawMarks(u, this.events)],
        setCursor: [(u) => this.point(u)],
        setSelect: [(u) => this.zoom(u)],
      },
    };
  }

  bounds(min, max) {
    if (min === null || max === null) return [0, this.least || 1];
    if (this.zero) return [0, Math.max(max * 1.12, this.least) || 1];
    const room = (max - min || Math.abs(max) || 1) * 0.12;
    return [min - room, max + room];
  }

  point(u) {
    const index = u.cursor.idx;
    const under = u.cursor.left >= 0 && index !== null && index !== undefined && this.plot.matches(":hover");
    this.tip.hidden = !under;
    if (!under) return;
    const at = this.data.times[index];
    put(this.tip, h("div", { class: "when" }, this.when(at)),
      this.lines.map((line) => h("div", { class: "key" }, h("i", { class: `swatch ${line.tone}` }), line.label, " ", h("b", {}, this.format(this.data.values[line.key]?.[index])))),
      nearEvents(this.events, u.posToVal(u.cursor.left, "x"), (u.scales.x.max - u.scales.x.min) / 60).map((text) => h("div", { class: "event" }, text)));
    const left = u.cursor.left + 74;
    const flip = left + 180 > this.plot.clientWidth;
    this.tip.style.setProperty("left", flip ? "" : `${left}px`);
    this.tip.style.setProperty("right", flip ? `${this.plot.clientWidth - left + 24}px` : "");
    this.tip.style.setProperty("top", "26px");
  }

  zoom(u) {
    if (u.select.width < 8) return;
    const [from, to] = [u.posToVal(u.select.left, "x"), u.posToVal(u.select.left + u.select.width, "x")];
    u.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
    const iso = (at) => new Date(at * 1e3).toISOString();
    go(here({ from: iso(from), to: iso(to), range: null }));
  }

  fillTable() {
    if (!this.details.open) return;
    const { times, values } = this.data;
    const rows = times.map((at, index) => [at, index]).slice(-200).reverse();
    put(this.table, h("table", {}, h("thead", {}, h("tr", {}, h("th", { scope: "col" }, "time"), this.lines.map((line) => h("th", { scope: "col", class: "num" }, line.label)))),
      h("tbody", {}, rows.map(([at, index]) => h("tr", {}, h("td", {}, this.when(at)), this.lines.map((line) => h("td", { class: "num" }, this.format(values[line.key]?.[index]))))))));
  }
}

function last(values) {
  for (let index = (values?.length ?? 0) - 1; index >= 0; index -= 1) if (values[index] !== null && values[index] !== undefined) return values[index];
  return null;
}

/** Few enough points that lines alone would not show them, or not where they are. */
function isolated(values, joined) {
  let seen = 0;
  for (const value of values ?? []) if (value !== null) seen += 1;
  return seen > 0 && seen <= (joined ? 30 : 2);
}

/** Gaps that are seen as such: a few steps without a call do not cut a line into pieces. */
const wide = (u, gaps) => gaps.filter(([from, to]) => to - from > u.bbox.width / 14);

const within = (u, at) => Math.max(u.bbox.left, Math.min(u.bbox.left + u.bbox.width, u.valToPos(at, "x", true)));

const LEVELS = [["info", "--info"], ["warning", "--warn"], ["error", "--bad"], ["critical", "--bad"]];

/** Times joined where they overlap, so that many alerts are no darker than one. */
function joined(alerts) {
  const found = [];
  for (const { from, to } of [...alerts].sort((a, b) => a.from - b.from)) {
    const last = found.at(-1);
    if (last && from <= last.to) last.to = Math.max(last.to, to);
    else found.push({ from, to });
  }
  return found;
}

/** Alerts, below the lines: a band over the time in which one was on, and a strip above it. */
function drawBands(u, { alerts }) {
  const { ctx, bbox } = u;
  const ratio = devicePixelRatio || 1;
  ctx.save();
  const bands = LEVELS.flatMap(([severity, tone]) => joined(alerts.filter((alert) => alert.severity === severity)).map((band) => ({ ...band, tone })));
  for (const band of bands) {
    const [left, right] = [within(u, band.from), within(u, band.to)];
    ctx.fillStyle = colour(band.tone);
    ctx.globalAlpha = 0.9;
    ctx.fillRect(left, bbox.top - 6 * ratio, Math.max(2 * ratio, right - left), 3 * ratio);
    ctx.globalAlpha = 0.06;
    ctx.fillRect(left, bbox.top, Math.max(2 * ratio, right - left), bbox.height);
  }
  ctx.restore();
}

/** Marks of changes, above the lines. */
function drawMarks(u, { marks }) {
  const { ctx, bbox } = u;
  const ratio = devicePixelRatio || 1;
  ctx.save();
  ctx.globalAlpha = 0.85;
  ctx.strokeStyle = ctx.fillStyle = colour("--text-2");
  ctx.setLineDash([3 * ratio, 3 * ratio]);
  for (const mark of marks) {
    const at = Math.round(within(u, mark.at)) + 0.5;
    ctx.beginPath();
    ctx.moveTo(at, bbox.top);
    ctx.lineTo(at, bbox.top + bbox.height);
    ctx.stroke();
    ctx.beginPath();
    ctx.moveTo(at - 4 * ratio, bbox.top - 6 * ratio);
    ctx.lineTo(at + 4 * ratio, bbox.top - 6 * ratio);
    ctx.lineTo(at, bbox.top);
    ctx.fill();
  }
  ctx.restore();
}

function nearEvents({ alerts, marks }, at, within) {
  const near = marks.filter((mark) => Math.abs(mark.at - at) <= within).map((mark) => `▼ ${mark.text}`);
  return [...near, ...alerts.filter((alert) => alert.from - within <= at && at <= alert.to + within).map((alert) => `${alert.severity}: ${alert.text}`)].slice(0, 4);
}


