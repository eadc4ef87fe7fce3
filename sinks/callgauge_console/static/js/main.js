// Begins here: asks who one is, shows the frame, and shows and refreshes the page that the address names.

import { get, keepKey, Problem } from "./api.js";
import { h, put } from "./dom.js";
import { Frame } from "./frame.js";
import { pageOf } from "./pages.js";
import { problem } from "./parts/bits.js";
import { redrawCharts } from "./parts/chart.js";
import { readAddress, state } from "./state.js";

const EVERY_MS = 1_000;
const AGAIN_MS = 3_000;
/** A store that is slow is asked less often: it rests as long as it worked, up to this. */
const MOST_MS = 10_000;

class App {
  constructor() {
    this.root = document.getElementById("app");
    this.frame = new Frame();
    this.timer = null;
    this.shown = null;
    this.paused = false;
  }

  async start() {
    put(this.root, this.frame.node);
    addEventListener("popstate", () => this.show());
    addEventListener("callgauge:address", () => this.show());
    addEventListener("callgauge:refresh", () => this.refresh());
    addEventListener("callgauge:theme", redrawCharts);
    addEventListener("callgauge:active", (event) => this.frame.tellActive(event.detail));
    addEventListener("callgauge:pause", () => { this.paused = !this.paused; this.frame.tell(this.paused ? "paused" : "live"); if (!this.paused) this.refresh(); });
    document.addEventListener("visibilitychange", () => { if (!document.hidden) this.refresh(); });
    document.addEventListener("click", (event) => this.follow(event));
    await this.show();
  }

  /** Links inside the console change the page without loading it anew. */
  follow(event) {
    const a = event.target.closest?.("a[href]");
    if (!a || event.defaultPrevented || event.button || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey || a.target) return;
    const address = new URL(a.href);
    if (address.origin !== location.origin || address.hash || address.pathname.startsWith("/static/") || address.pathname === "/openapi.json") return;
    event.preventDefault();
    history.pushState({}, "", address);
    this.show();
  }

  async show() {
    const before = this.address;
    readAddress();
    this.address = location.pathname;
    if (this.page && before === this.address && this.page.keep !== false) {
      this.frame.update(this.page);
      return this.refresh();
    }
    this.page?.destroy?.();
    this.page = pageOf(state.path);
    this.frame.update(this.page);
    put(this.frame.problems);
    put(this.frame.page, this.page.node);
    if (before !== undefined) { scrollTo(0, 0); this.frame.main.focus({ preventScroll: true }); }
    return this.refresh();
  }

  async refresh() {
    clearTimeout(this.timer);
    this.abort?.abort();
    const abort = (this.abort = new AbortController());
    const page = this.page;
    const began = performance.now();
    let wait = EVERY_MS, again = false;
    const slow = setTimeout(() => document.body.classList.add("loading"), 300);
    try {
      this.me ??= await this.who();
      await page.refresh({ signal: abort.signal, me: this.me });
      if (abort.signal.aborted) return;
      wait = Math.min(MOST_MS, Math.max(EVERY_MS, performance.now() - began));
      put(this.frame.problems);
      this.frame.tell(this.paused ? "paused" : this.isLive(page) ? "live" : "fixed");
      document.body.dataset.loaded = this.address;
    } catch (error) {
      if (error.name === "AbortError" || abort.signal.aborted) return;
      wait = this.failed(error);
      again = wait !== null;
      if (!again) return; // whoever enters a key begins anew; to ask again would take away what was typed
    } finally {
      clearTimeout(slow);
      document.body.classList.remove("loading");
    }
    if (!this.paused && this.isLive(page) && !document.hidden) this.timer = setTimeout(() => this.refresh(), wait);
    else if (again) this.timer = setTimeout(() => this.refresh(), wait);
  }

  /** Whether the page goes on asking: not of a time that is over. */
  isLive(page) {
    return page.live !== false && (state.isLive || page.timed === false);
  }

  async who() {
    const me = await get("/v1/me");
    this.frame.greet(me);
    return me;
  }

  failed(error) {
    if (!(error instanceof Problem)) { console.error(error); }
    this.frame.tell("error");
    const known = error instanceof Problem ? error : new Problem(0, `The page has a defect: ${error.message}`);
    put(this.frame.problems, problem(known), known.status === 401 && this.keyForm());
    return known.status === 401 ? null : (known.retryAfterS ?? AGAIN_MS / 1e3) * 1e3;
  }

  keyForm() {
    const field = h("input", { type: "password", class: "plain", name: "key", autocomplete: "off", "aria-label": "Key", placeholder: "cg_…" });
    const save = (event) => { event.preventDefault(); keepKey(field.value.trim()); this.me = null; this.refresh(); };
    return h("form", { class: "panel", onsubmit: save }, h("div", { class: "body row" }, h("span", {}, "This console asks for a key. It is kept for this tab alone."), field, h("button", { class: "button primary", type: "submit" }, "Use key")));
  }
}

new App().start();
