// SPDX-License-Identifier: MIT
// Numbers as people read them. Nothing here loses a sign; what is exact is said by
// exactValue.

const BYTES = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'];

// Three digits that count.
function round(value) {
  const size = Math.abs(value);
  const digits = size >= 100 || Number.isInteger(value) ? 0 : size >= 10 ? 1 : 2;
  return value.toFixed(digits);
}

export function formatBytes(value) {
  let size = Number(value), unit = 0;
  while (Math.abs(size) >= 1024 && unit < BYTES.length - 1) {
    size /= 1024;
    unit++;
  }
  return `${unit === 0 ? Math.round(size) : round(size)} ${BYTES[unit]}`;
}

export function formatSeconds(value) {
  const seconds = Number(value), size = Math.abs(seconds);
  if (size === 0) return '0 s';
  if (size >= 7200) return `${round(seconds / 3600)} h`;
  if (size >= 120) return `${round(seconds / 60)} min`;
  if (size >= 1) return `${round(seconds)} s`;
  if (size >= 1e-3) return `${round(seconds * 1e3)} ms`;
  if (size >= 1e-6) return `${round(seconds * 1e6)} µs`;
  return `${round(seconds * 1e9)} ns`;
}

export function formatCount(value) {
  const size = Math.abs(Number(value));
  if (size >= 1e6) return `${round(Number(value) / 1e6)} M`;
  if (size >= 1e4) return `${round(Number(value) / 1e3)} k`;
  return Number.isInteger(Number(value)) ? String(value) : round(Number(value));
}

/** A value of a profile, whose unit is bytes, nanoseconds, count... */
export function formatValue(value, unit) {
  if (unit === 'bytes') return formatBytes(value);
  if (unit === 'nanoseconds') return formatSeconds(Number(value) / 1e9);
  return formatCount(value);
}

/** The same to the last digit, such as "41943040 bytes". */
export function exactValue(value, unit) {
  return `${value} ${unit === 'count' ? '' : unit}`.trim();
}

/** With a sign in any case. */
export function formatChange(value, unit) {
  const text = formatValue(value, unit);
  return Number(value) > 0 ? `+${text}` : text.replace('-', '−');
}

export function formatPercent(part, whole) {
  if (Number(whole) === 0) return '0 %';
  const percent = 100 * Number(part) / Number(whole);
  return `${Math.abs(percent) >= 99.95 ? Math.round(percent) : percent.toFixed(1)} %`;
}

/** The time of the day, hh:mm:ss. */
export function formatClock(date) {
  return new Date(date).toLocaleTimeString(undefined, { hour12: false });
}

/** How long ago: "3 min". */
export function formatSince(seconds) {
  const s = Math.max(0, Math.round(seconds));
  if (s < 60) return `${s} s`;
  if (s < 3600) return `${Math.floor(s / 60)} min ${s % 60} s`;
  return `${Math.floor(s / 3600)} h ${Math.floor(s % 3600 / 60)} min`;
}
