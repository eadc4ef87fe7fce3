// Asks the API. A key, where one is needed, is kept for this tab alone.

const KEY = "callgauge.key";

export class Problem extends Error {
  constructor(status, detail, retryAfterS = null) {
    super(detail);
    this.status = status;
    this.retryAfterS = retryAfterS;
  }
}

export function keepKey(key) {
  try { key ? sessionStorage.setItem(KEY, key) : sessionStorage.removeItem(KEY); } catch { /* no storage: asked again */ }
  memory = key;
}

let memory = "";
function key() {
  try { return sessionStorage.getItem(KEY) || memory; } catch { return memory; }
}

/** GET. `params`: null and "" are left out; an array is repeated. */
export function get(path, params = {}, signal = undefined) {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(params)) {
    for (const each of Array.isArray(value) ? value : [value]) if (each !== null && each !== undefined && each !== "") query.append(name, each);
  }
  const text = query.toString();
  return ask(text ? `${path}?${text}` : path, { signal });
}

/** POST of JSON. */
export function post(path, body) {
  return ask(path, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) });
}

async function ask(address, options) {
  const headers = { ...options.headers };
  if (key()) headers.Authorization = `Bearer ${key()}`;
  let answer;
  try {
    answer = await fetch(address, { ...options, headers });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Problem(0, "The console does not answer. Is its process running? This page tries again by itself.");
  }
  if (answer.ok) return answer.json();
  let detail = `HTTP ${answer.status}`;
  try { detail = (await answer.json()).detail || detail; } catch { /* no problem details: the status says it */ }
  throw new Problem(answer.status, detail, Number(answer.headers.get("Retry-After")) || null);
}
