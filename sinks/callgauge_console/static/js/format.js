// How numbers and durations are written, the same everywhere. Nothing known is "–".

const NONE = "–";
const whole = new Intl.NumberFormat("en-US", { maximumFractionDigits: 0 });
const known = (value) => value !== null && value !== undefined && Number.isFinite(value);
const fixed = (value, digits) => value.toLocaleString("en-US", { minimumFractionDigits: digits, maximumFractionDigits: digits });

/** Below nought it is written as the same above it, with a minus before. */
const signed = (write) => (value) => (known(value) && value < 0 ? `−${write(-value)}` : write(value));

/** Every digit: 36,209. */
export const count = (value) => (known(value) ? whole.format(value) : NONE);

/** Three digits: 1.23k, 45.6M. */
export function short(value) {
  if (!known(value)) return NONE;
  const size = Math.abs(value);
  for (const [unit, name] of [[1e12, "T"], [1e9, "G"], [1e6, "M"], [1e3, "k"]]) {
    if (size >= unit * 0.99995) return `${three(value / unit)}${name}`;
  }
  return Number.isInteger(value) ? whole.format(value) : three(value);
}

function three(value) {
  const size = Math.abs(value);
  if (size === 0) return "0";
  if (size < 0.001) return value.toPrecision(2);
  return fixed(value, size >= 100 ? 0 : size >= 10 ? 1 : size >= 1 ? 2 : 3);
}

/** A rate: 10.1. */
export const rate = (value) => (known(value) ? three(value) : NONE);

/** A share in per cent: 1.25 %. */
export const percent = signed((value) => {
  if (!known(value)) return NONE;
  const per = value * 100;
  return per === 0 ? "0 %" : per < 0.01 ? "< 0.01 %" : per >= 99.995 ? `${fixed(per, 0)} %` : `${fixed(per, per < 10 ? 2 : 1)} %`;
});

/** Dollars: $12.34, $0.0021. */
export const dollars = signed((value) => {
  if (!known(value)) return NONE;
  const size = Math.abs(value);
  if (size === 0) return "$0";
  if (size >= 1e5) return `$${short(value)}`;
  if (size >= 0.1) return `$${fixed(value, 2)}`;
  return size >= 0.0001 ? `$${fixed(value, 4)}` : `$${value.toPrecision(2)}`;
});

/** Milliseconds: 812 ms, 1.84 s, 2 m 05 s. */
export const duration = signed((ms) => {
  if (!known(ms)) return NONE;
  if (ms < 1) return ms === 0 ? "0 ms" : `${ms.toPrecision(2)} ms`;
  if (ms < 999.5) return `${fixed(ms, ms < 10 ? 1 : 0)} ms`;
  if (ms < 99_950) return `${fixed(ms / 1e3, ms < 9_995 ? 2 : 1)} s`;
  const seconds = Math.round(ms / 1e3);
  if (seconds < 7_200) return `${Math.floor(seconds / 60)} m ${String(seconds % 60).padStart(2, "0")} s`;
  if (seconds < 172_800) return `${Math.floor(seconds / 3_600)} h ${String(Math.floor((seconds % 3_600) / 60)).padStart(2, "0")} m`;
  return `${Math.floor(seconds / 86_400)} d ${Math.floor((seconds % 86_400) / 3_600)} h`;
});

/** A change against what was before: +12 %, −3 %, or nothing where that says nothing. */
export function change(now, before) {
  if (!known(now) || !known(before) || before === 0) return "";
  const share = now / before - 1;
  if (Math.abs(share) < 0.005) return "±0 %";
  const sign = share > 0 ? "+" : "−";
  const size = Math.abs(share);
  return size >= 10 ? `×${three(now / before)}` : `${sign}${fixed(size * 100, size < 0.1 ? 1 : 0)} %`;
}

/** Any number of which no unit is known. */
export const plain = (value) => (known(value) ? (Number.isInteger(value) ? count(value) : three(value)) : NONE);

/** How an aggregate of rules is written, by its name. */
export function aggregate(name, value) {
  if (!known(value)) return NONE;
  if (/_rate$|_share$|^share_/.test(name)) return percent(value);
  if (/_ms$|^ms_per_/.test(name)) return duration(value);
  if (/^cost|_usd$/.test(name)) return dollars(value);
  return plain(value);
}

const OPS = { gt: ">", ge: "≥", lt: "<", le: "≤", eq: "=", ne: "≠" };
/** How a rule compares. */
export const comparison = (op) => OPS[op] ?? op;

export { NONE, known };
