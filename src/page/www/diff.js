// SPDX-License-Identifier: MIT
// What is different in two profiles of one kind. The tree has the widths of the new one;
// each node knows how much it has changed, for each request if it is known how many
// there were. What is new and what is gone are lists of functions.

import { defaultIndex } from './profile.js';
import { buildTree } from './flame.js';
import { topRows } from './top.js';

/** Why two profiles can't be compared, or undefined. */
export function whyNotComparable(before, after) {
  const a = before.sampleTypes.map((t) => `${t.type}/${t.unit}`).join(' ');
  const b = after.sampleTypes.map((t) => `${t.type}/${t.unit}`).join(' ');
  return a === b ? undefined : `they measure different things: ${a} and ${b}`;
}

/**
 * A function (before, after) -> change for each request, both in BigInts. `requests` is
 * { before, after, isOneVisit }: in one visit the counts go on, so the difference is due
 * to the requests between; otherwise each profile is divided by its own requests.
 * Without usable counts the change is the plain difference, and `perRequest` is false.
 */
export function makeChange(requests) {
  const plain = (a, b) => Number(b - a);
  if (!requests) return { perRequest: false, of: plain };
  const { before, after, isOneVisit } = requests;
  if (isOneVisit && after > before) return { perRequest: true, of: (a, b) => Number(b - a) / (after - before) };
  if (!isOneVisit && before > 0 && after > 0) {
    return { perRequest: true, of: (a, b) => Number(b) / after - Number(a) / before };
  }
  return { perRequest: false, of: plain };
}

function markChange(node, old, change) {
  node.before = old?.value ?? 0n;
  node.change = change(node.before, node.value);
  let largest = node.parent ? Math.abs(node.change) : 0;
  const olds = new Map((old?.children ?? []).map((child) => [child.key, child]));
  for (const child of node.children) {
    largest = Math.max(largest, markChange(child, olds.get(child.key), change));
  }
  return largest;
}

function compareFunctions(before, after, index, change) {
  const rows = new Map();
  const rowOf = (r) => {
    if (!rows.has(r.key)) rows.set(r.key, { key: r.key, name: r.name, before: 0n, after: 0n, flatBefore: 0n, flatAfter: 0n });
    return rows.get(r.key);
  };
  for (const r of topRows(before, index)) Object.assign(rowOf(r), { before: r.cum, flatBefore: r.flat });
  for (const r of topRows(after, index)) Object.assign(rowOf(r), { after: r.cum, flatAfter: r.flat });
  for (const row of rows.values()) row.change = change(row.before, row.after);
  return [...rows.values()].sort((a, b) => Math.abs(b.change) - Math.abs(a.change) || (a.name < b.name ? -1 : 1));
}

/**
 * { root, largest, perRequest, rows, added, gone, isEqual }: the tree, whose nodes have
 * `before` and `change`; the largest change of a node; functions { name, before, after
 * (both cum), flatBefore, flatAfter, change } in the order of their changes.
 */
export function diffProfiles(before, after, { index = defaultIndex(after), requests, isInverted = false } = {}) {
  const problem = whyNotComparable(before, after);
  if (problem) throw new Error(problem);
  const change = makeChange(requests);
  const root = buildTree(after, index, isInverted);
  const largest = markChange(root, buildTree(before, index, isInverted), change.of);
  const rows = compareFunctions(before, after, index, change.of);
  return {
    root, largest, rows, perRequest: change.perRequest,
    added: rows.filter((r) => r.before === 0n && r.after !== 0n),
    gone: rows.filter((r) => r.before !== 0n && r.after === 0n),
    isEqual: rows.every((r) => r.before === r.after && r.flatBefore === r.flatAfter),
  };
}
