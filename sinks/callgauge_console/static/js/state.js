// What the address says: page, range, zone, filters. Whoever gets the link sees the same.

export const RANGES = { "15m": 900, "1h": 3_600, "6h": 21_600, "24h": 86_400, "7d": 604_800, "30d": 2_592_000 };
const DEFAULT = "1h";

export const state = {
  /** The path's parts, decoded: /service/chat is ["service", "chat"]. */
  path: [],
  query: new URLSearchParams(),
  get zone() { return this.query.get("tz") === "local" ? "local" : "utc"; },
  get range() { return this.query.get("from") ? "custom" : this.query.get("range") in RANGES ? this.query.get("range") : DEFAULT; },
  get isLive() { return !this.query.get("to"); },
};

export function readAddress() {
  state.path = location.pathname.split("/").filter(Boolean).map(decoded);
  state.query = new URLSearchParams(location.search);
}

function decoded(part) {
  try { return decodeURIComponent(part); } catch { return part; }
}

/** The time that is asked for, epoch seconds. */
export function span(nowS = Date.now() / 1e3) {
  const from = Date.parse(state.query.get("from") ?? "") / 1e3;
  const to = Date.parse(state.query.get("to") ?? "") / 1e3;
  if (Number.isFinite(from) && Number.isFinite(to) && from < to) return { from, to };
  return { from: nowS - (RANGES[state.range] ?? RANGES[DEFAULT]), to: nowS };
}

/** The address of a page that keeps range, zone and what else `keep` names; `set` adds parameters, null takes one out. */
export function link(path, set = {}, keep = ["range", "from", "to", "tz"]) {
  const query = new URLSearchParams();
  for (const name of keep) if (state.query.get(name)) query.set(name, state.query.get(name));
  for (const [name, value] of Object.entries(set)) {
    if (value === null || value === undefined || value === "") query.delete(name);
    else query.set(name, value);
  }
  const text = query.toString();
  const escaped = Array.isArray(path) ? `/${path.map(encodeURIComponent).join("/")}` : path;
  return text ? `${escaped}?${text}` : escaped;
}

/** The same page with other parameters. */
export const here = (set) => link(location.pathname, set, [...state.query.keys()]);

export function go(address, { replace = false } = {}) {
  history[replace ? "replaceState" : "pushState"]({}, "", address);
  dispatchEvent(new Event("callgauge:address"));
}
