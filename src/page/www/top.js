// SPDX-License-Identifier: MIT
// What functions have cost: flat (themselves) and cum (with what they call), to the last
// digit and in the order of go tool pprof -top. And the same for the lines of a function,
// as go tool pprof -list.

import { framesOf } from './profile.js';

function magnitude(value) {
  return value < 0n ? -value : value;
}

// By Unicode code points, as Go compares strings.
export function compareNames(a, b) {
  if (a === b) return 0;
  const left = [...a], right = [...b];
  for (let i = 0; i < left.length && i < right.length; i++) {
    if (left[i] !== right[i]) return left[i].codePointAt(0) - right[i].codePointAt(0);
  }
  return left.length - right.length;
}

function compareLarge(a, b) {
  const left = magnitude(a), right = magnitude(b);
  return left === right ? 0 : left > right ? -1 : 1;
}

function compareRows(a, b, sort) {
  return compareLarge(a[sort], b[sort]) || compareNames(a.name, b.name) ||
    compareLarge(sort === 'flat' ? a.cum : a.flat, sort === 'flat' ? b.cum : b.flat) || compareNames(a.key, b.key);
}

/** Calls take(frames, value) for each sample whose value isn't 0; the outermost frame first. */
export function eachStack(profile, index, take) {
  for (const sample of profile.samples) {
    const value = sample.values[index];
    if (value !== 0n) take(framesOf(sample), value);
  }
}

/** Of what percentages are: the sum of all values, those below 0 counted as if above. */
export function totalOf(profile, index) {
  let total = 0n;
  for (const sample of profile.samples) total += magnitude(sample.values[index]);
  return total;
}

/** The sum of all values, with their signs. */
export function sumOf(profile, index) {
  let sum = 0n;
  for (const sample of profile.samples) sum += sample.values[index];
  return sum;
}

/** Rows { key, name, file, flat, cum }. A function counts once for each stack that has it. */
export function topRows(profile, index, sort = 'flat') {
  const rows = new Map();
  eachStack(profile, index, (frames, value) => {
    const seen = new Set();
    let row;
    for (const frame of frames) {
      row = rows.get(frame.key);
      if (!row) rows.set(frame.key, row = { key: frame.key, name: frame.name, file: frame.file, flat: 0n, cum: 0n });
      if (!seen.has(row)) row.cum += value;
      seen.add(row);
    }
    if (row) row.flat += value;
  });
  return [...rows.values()]
    .filter((row) => row.flat !== 0n || row.cum !== 0n)
    .sort((a, b) => compareRows(a, b, sort));
}

/** Of the lines of a function: Map from file to Map from line to { flat, cum }. */
export function lineCosts(profile, index, key) {
  const files = new Map();
  eachStack(profile, index, (frames, value) => {
    const seen = new Set();
    frames.forEach((frame, at) => {
      if (frame.key !== key || !frame.file || !frame.line) return;
      if (!files.has(frame.file)) files.set(frame.file, new Map());
      const lines = files.get(frame.file);
      if (!lines.has(frame.line)) lines.set(frame.line, { flat: 0n, cum: 0n });
      const cost = lines.get(frame.line);
      if (!seen.has(cost)) cost.cum += value;
      seen.add(cost);
      if (at === frames.length - 1) cost.flat += value;
    });
  });
  return files;
}

/** Names of all functions in the profile, those that cost most first. */
export function functionNames(profile) {
  const index = profile.sampleTypes.length - 1;
  return topRows(profile, index, 'cum').filter((row) => row.key[0] !== '\0').map((row) => row.name);
}
