// What is around every page: navigation, the bar with its switches, the state of the live updates.

import { h, put, s, setText } from "./dom.js";
import { NAV } from "./pages.js";
import { RANGES, go, here, link, state } from "./state.js";
import { day, parts } from "./times.js";

const ICONS = {
  sun: "M12 4V2M12 22v-2M4 12H2M22 12h-2M5.6 5.6 4.2 4.2M19.8 19.8l-1.4-1.4M5.6 18.4l-1.4 1.4M19.8 4.2l-1.4 1.4M12 8a4 4 0 1 0 0 8 4 4 0 0 0 0-8Z",
  moon: "M20 14.5A8.5 8.5 0 0 1 9.5 4 8.5 8.5 0 1 0 20 14.5Z",
  menu: "M4 7h16M4 12h16M4 17h16",
};
const icon = (name) => s("svg", { viewBox: "0 0 24 24", fill: "none", stroke: "currentColor", "stroke-width": "1.8", "stroke-linecap": "round", "stroke-linejoin": "round", "aria-hidden": "true" }, s("path", { d: ICONS[name] }));
const TOLD = { live: "Live", paused: "Paused", fixed: "Fixed time", error: "Not updating" };

function brand() {
  return s("svg", { viewBox: "0 0 32 32", "aria-hidden": "true" },
    s("rect", { width: 32, height: 32, rx: 7, fill: "var(--accent)" }),
    s("path", { d: "M7 21.5c2.2 0 2.2-2 4.5-2s2.3 2 4.5 2 2.2-2 4.5-2 2.3 2 4.5 2M16 7v9M12.8 9.2h3.2M12.8 13h3.2", fill: "none", stroke: "var(--on-accent)", "stroke-width": 2.2, "stroke-linecap": "round" }));
}

export class Frame {
  constructor() {
    this.nav = h("nav", { class: "nav", id: "nav", "aria-label": "Pages" });
    this.foot = h("div", { class: "side-foot" });
    this.menu = h("button", { type: "button", class: "icon-button menu-button", "aria-label": "Pages", "aria-expanded": "false", "aria-controls": "nav", onclick: () => this.toggle() }, icon("menu"));
    this.side = h("div", { class: "side" }, h("div", { class: "side-top" }, h("a", { class: "brand", href: "/" }, brand(), "callgauge"), this.menu), this.nav, this.foot);
    this.heading = h("h1", {});
    this.kind = h("span", { class: "kind" });
    this.ranges = h("div", { class: "segments", role: "group", "aria-label": "Time range" });
    this.zones = h("div", { class: "segments", role: "group", "aria-label": "Time zone" });
    this.state = h("span", {}, "Loading");
    this.live = h("button", { type: "button", class: "button live", "data-state": "loading", title: "Pause or go on", onclick: () => dispatchEvent(new Event("callgauge:pause")) }, h("i", { class: "dot" }), this.state);
    this.theme = h("button", { type: "button", class: "icon-button", onclick: () => this.switchTheme() });
    this.page = h("div", {});
    this.problems = h("div", {});
    this.main = h("main", { id: "main", tabindex: "-1" }, this.problems, this.page);
    this.node = h("div", { class: "frame" }, this.side, h("div", { class: "content" }, h("div", { class: "loading-line" }),
      h("header", { class: "bar" }, h("div", { class: "title" }, this.heading, this.kind), this.live, this.ranges, this.zones, this.theme), this.main));
    this.drawTheme();
  }

  toggle(open = !this.side.classList.contains("open")) {
    this.side.classList.toggle("open", open);
    this.menu.setAttribute("aria-expanded", String(open));
  }

  update(page) {
    this.toggle(false);
    setText(this.heading, page.title);
    setText(this.kind, page.kind ?? "");
    document.title = `${page.title} · callgauge`;
    const current = `/${page.nav ?? state.path[0] ?? ""}`;
    put(this.nav, NAV.map(([title, links]) => h("div", {}, h("h2", {}, title), links.map(([path, name]) =>
      h("a", { href: link(path), "aria-current": path === current ? "page" : null }, name, path === "/alerts" && this.count())))));
    this.side.querySelector(".brand").setAttribute("href", link("/"));
    const timed = page.timed !== false;
    this.ranges.hidden = !timed;
    this.live.hidden = page.live === false;
    put(this.ranges, Object.keys(RANGES).map((name) => this.choice(name, state.range === name, { range: name, from: null, to: null })), state.range === "custom" && this.choice(customName(), true, {}));
    put(this.zones, this.choice("UTC", state.zone === "utc", { tz: null }), this.choice("Local", state.zone === "local", { tz: "local" }));
  }

  choice(name, pressed, set) {
    return h("button", { type: "button", "aria-pressed": String(pressed), onclick: () => go(here(set)) }, name);
  }

  count() {
    return this.active ? h("span", { class: "count" }, this.active, h("span", { class: "hidden-text" }, " active")) : null;
  }

  /** How many alerts are active: shown beside the page of alerts. */
  tellActive(number) {
    if (this.active === number) return;
    this.active = number;
    const a = [...this.nav.querySelectorAll("a")].find((each) => each.textContent.startsWith("Alerts"));
    if (a) put(a, "Alerts", this.count());
  }

  tell(what) {
    this.live.dataset.state = what;
    setText(this.state, TOLD[what]);
    this.live.setAttribute("aria-pressed", String(what === "paused"));
  }

  greet(me) {
    put(this.foot, h("span", {}, `version ${me.version}`), h("span", {}, me.name ? `key: ${me.name}` : "local stack"), h("a", { href: "/openapi.json" }, "API"));
  }

  switchTheme() {
    const next = document.documentElement.dataset.theme === "dark" ? "light" : "dark";
    document.documentElement.dataset.theme = next;
    try { localStorage.setItem("callgauge.theme", next); } catch { /* it lasts as long as the page */ }
    this.drawTheme();
    dispatchEvent(new Event("callgauge:theme"));
  }

  drawTheme() {
    const dark = document.documentElement.dataset.theme === "dark";
    put(this.theme, icon(dark ? "sun" : "moon"));
    this.theme.setAttribute("aria-label", dark ? "Light theme" : "Dark theme");
  }
}

function customName() {
  const [from, to] = ["from", "to"].map((name) => Date.parse(state.query.get(name)) / 1e3);
  const at = (epochS) => { const p = parts(epochS); return `${String(p.hour).padStart(2, "0")}:${String(p.minute).padStart(2, "0")}`; };
  return day(from) === day(to) ? `${day(from)} ${at(from)}–${at(to)}` : `${day(from)} ${at(from)} – ${day(to)} ${at(to)}`;
}

