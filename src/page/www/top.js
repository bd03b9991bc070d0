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

function rowOf(rows, { key, name, file }) {
  if (!rows.has(key)) rows.set(key, { key, name, file, flat: 0n, cum: 0n });
  return rows.get(key);
}

/** Rows { key, name, file, flat, cum }. A function counts once for each stack that has it. */
export function topRows(profile, index, sort = 'flat') {
  const rows = new Map();
  eachStack(profile, index, (frames, value) => {
    const seen = new Set();
    let row;
    for (const frame of frames) {
      row = rowOf(rows, frame);
      if (!seen.has(row)) row.cum += value;
      seen.add(row);
    }
    if (row) row.flat += value;
  });
  return [...rows.values()]
    .filter((row) => row.flat !== 0n || row.cum !== 0n)
    .sort((a, b) => compareRows(a, b, sort));
}

function costOf(files, { file, line }) {
  if (!files.has(file)) files.set(file, new Map());
  const lines = files.get(file);
  if (!lines.has(line)) lines.set(line, { flat: 0n, cum: 0n });
  return lines.get(line);
}

/** Of the lines of a function: Map from file to Map from line to { flat, cum }. */
export function lineCosts(profile, index, key) {
  const files = new Map();
  eachStack(profile, index, (frames, value) => {
    const seen = new Set();
    for (const [at, frame] of frames.entries()) {
      if (frame.key !== key || !frame.file || !frame.line) continue;
      const cost = costOf(files, frame);
      if (!seen.has(cost)) cost.cum += value;
      seen.add(cost);
      if (at === frames.length - 1) cost.flat += value;
    }
  });
  return files;
}

/** Names of all functions in the profile, those that cost most first. */
export function functionNames(profile) {
  const index = profile.sampleTypes.length - 1;
  return topRows(profile, index, 'cum').filter((row) => row.key[0] !== '\0').map((row) => row.name);
}
