// Numbers and times as people read them. No state, no elements.

const whole = new Intl.NumberFormat("en-GB", { maximumFractionDigits: 0 });
const clock = new Intl.DateTimeFormat("en-GB", { timeStyle: "medium" });
const day = new Intl.DateTimeFormat("en-GB", { dateStyle: "medium", timeStyle: "long" });
const NOTHING = "–";

/** A number with about three digits; a dash for null. */
export function figure(value) {
  if (value === null || value === undefined || !Number.isFinite(value)) return NOTHING;
  const size = Math.abs(value);
  if (size >= 100 || value === 0) return whole.format(value);
  return value.toFixed(size >= 9.995 ? 1 : 2);
}

/** A whole number with separators. */
export function count(value) {
  return Number.isFinite(value) ? whole.format(value) : NOTHING;
}

/** Milliseconds, as seconds from ten of them on. */
export function latency(value_ms) {
  if (value_ms === null || value_ms === undefined) return NOTHING;
  return value_ms >= 10_000 ? `${figure(value_ms / 1000)} s` : `${figure(value_ms)} ms`;
}

/** A part of 1 as per cent; 100 % only when it is all. */
export function part(value) {
  if (value === null || value === undefined) return NOTHING;
  const hundred = 100 * value;
  if (value >= 1) return "100 %";
  return `${Math.min(99.9, hundred).toFixed(1)} %`;
}

/** Seconds as 12 s, 3 min 05 s, 2 h 10 min, 4 d 3 h. */
export function duration(value_s) {
  const s = Math.max(0, Math.floor(value_s));
  if (s < 60) return `${s} s`;
  if (s < 3600) return `${Math.floor(s / 60)} min ${String(s % 60).padStart(2, "0")} s`;
  if (s < 86_400) return `${Math.floor(s / 3600)} h ${Math.floor((s % 3600) / 60)} min`;
  return `${Math.floor(s / 86_400)} d ${Math.floor((s % 86_400) / 3600)} h`;
}

/** A time of the day. */
export function timeOfDay(unix_s) {
  return clock.format(new Date(unix_s * 1000));
}

/** A full date and time. */
export function moment(unix_s) {
  return day.format(new Date(unix_s * 1000));
}

/** "1 GPU", "2 GPUs". */
export function plural(number, noun) {
  return `${count(number)} ${noun}${number === 1 ? "" : "s"}`;
}
