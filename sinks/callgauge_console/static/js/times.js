// Times are epoch seconds, event time. They are shown in UTC or in local time, as the address says (tz=local).

import { state } from "./state.js";

const two = (value) => String(value).padStart(2, "0");

/** The parts of a time in the zone that is shown. */
export function parts(epochS) {
  const at = new Date(epochS * 1e3);
  const local = state.zone === "local";
  const get = (name) => (local ? at[`get${name}`]() : at[`getUTC${name}`]());
  return { year: get("FullYear"), month: get("Month") + 1, day: get("Date"), hour: get("Hours"), minute: get("Minutes"), second: get("Seconds") };
}

export function clock(epochS) {
  const p = parts(epochS);
  return `${two(p.hour)}:${two(p.minute)}:${two(p.second)}`;
}

export function day(epochS) {
  const p = parts(epochS);
  return `${p.year}-${two(p.month)}-${two(p.day)}`;
}

/** When the day of a time begins, in the zone that is shown. */
export function startOfDay(epochS) {
  const p = parts(epochS);
  return (state.zone === "local" ? new Date(p.year, p.month - 1, p.day).getTime() : Date.UTC(p.year, p.month - 1, p.day)) / 1e3;
}

/** 2026-01-31 14:00:00 UTC */
export const full = (epochS) => (epochS ? `${day(epochS)} ${clock(epochS)} ${zoneName()}` : "–");

/** Without the day where it is today's. */
export const brief = (epochS) => (epochS ? (day(epochS) === day(Date.now() / 1e3) ? clock(epochS) : `${day(epochS)} ${clock(epochS)}`) : "–");

export const zoneName = () => (state.zone === "local" ? Intl.DateTimeFormat().resolvedOptions().timeZone || "local time" : "UTC");

/** How long ago: 12 s, 5 m, 3 h, 2 d. */
export function ago(epochS, nowS) {
  const seconds = Math.max(0, Math.round(nowS - epochS));
  if (seconds < 100) return `${seconds} s`;
  if (seconds < 6_000) return `${Math.round(seconds / 60)} m`;
  if (seconds < 172_800) return `${Math.round(seconds / 3_600)} h`;
  return `${Math.round(seconds / 86_400)} d`;
}

/** A length of time as somebody wrote it: 90 s, 5 m, 1 h, 30 d. */
export function lasting(seconds) {
  for (const [size, unit] of [[86_400, "d"], [3_600, "h"], [60, "m"]]) if (seconds >= size && seconds % size === 0) return `${seconds / size}\u00a0${unit}`;
  return `${seconds}\u00a0s`;
}

/** The labels of a time axis: the day where it begins, else hours and minutes. */
export function axisLabels(splits, spanS) {
  return splits.map((at) => {
    const p = parts(at);
    if (p.hour === 0 && p.minute === 0 && p.second === 0) return `${two(p.month)}-${two(p.day)}`;
    return spanS <= 600 ? `${two(p.hour)}:${two(p.minute)}:${two(p.second)}` : `${two(p.hour)}:${two(p.minute)}`;
  });
}
