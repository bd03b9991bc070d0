// SPDX-License-Identifier: MIT
// The flame graph without its picture: the tree of all stacks, where its boxes are, what
// a search finds in it. A node: { key, name, file, line, value and self (BigInts, with
// sign), weight (of its width: the sum of all values without sign), children, parent,
// depth }.

import { eachStack } from './top.js';

function makeNode(frame, parent) {
  return {
    key: frame.key, name: frame.name, file: frame.file, line: frame.line, value: 0n, self: 0n, weight: 0,
    children: new Map(), parent, depth: parent ? parent.depth + 1 : 0,
  };
}

function addStack(root, frames, value, weight) {
  let node = root;
  node.value += value;
  node.weight += weight;
  for (const frame of frames) {
    let child = node.children.get(frame.key);
    if (!child) {
      child = makeNode(frame, node);
      node.children.set(frame.key, child);
    }
    child.value += value;
    child.weight += weight;
    node = child;
  }
  return node;
}

function orderChildren(node) {
  const list = [...node.children.values()];
  list.sort((a, b) => b.weight - a.weight || (a.name < b.name ? -1 : 1));
  node.children = list;
  list.forEach(orderChildren);
}

/** The tree of all stacks; with isInverted it begins with the leaves. */
export function buildTree(profile, index, isInverted = false) {
  const root = makeNode({ key: '', name: 'all', file: '', line: 0 }, undefined);
  eachStack(profile, index, (frames, value) => {
    const last = addStack(root, isInverted ? frames.reverse() : frames, value, Math.abs(Number(value)));
    const leaf = isInverted ? root.children.get(frames[0]?.key) ?? root : last;
    leaf.self += value;
  });
  orderChildren(root);
  return root;
}

/** How many nodes the tree has. */
export function countNodes(node) {
  let n = 1;
  for (const child of node.children) n += countNodes(child);
  return n;
}

function placeNode(node, x, width, rows) {
  rows[node.depth] ??= [];
  rows[node.depth].push({ node, x, width, depth: node.depth });
  let at = x;
  for (const child of node.children) {
    const share = node.weight > 0 ? width * child.weight / node.weight : 0;
    if (share > 0) placeNode(child, at, share, rows);
    at += share;
  }
}

/** Rows of boxes { node, x, width, depth }, x and width from 0 to 1 of the whole, in the order of x. */
export function layOut(root) {
  const rows = [];
  placeNode(root, 0, 1, rows);
  return rows;
}

// The first box of the row that ends behind x.
function firstEndingBehind(row, x) {
  let low = 0, high = row.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (row[middle].x + row[middle].width > x) high = middle;
    else low = middle + 1;
  }
  return low;
}

// Boxes that are too narrow to be told apart become one, if they touch.
function addNarrow(run, box) {
  if (!run || box.x - (run.x + run.width) > 1e-6) return { ...box, isRun: true };
  run.width = box.x + box.width - run.x;
  return run;
}

/**
 * What of the rows is seen in the window { from, to }: boxes with x and width from 0 to
 * 1 of the window, cut off at its edges. Neighbours that are narrower than least are one
 * box, which has the first of their nodes and `isRun`; those that isKept(node) names
 * stay themselves.
 */
export function visibleBoxes(rows, { from, to }, least, isKept = () => false) {
  const boxes = [], scale = 1 / (to - from);
  for (const row of rows) {
    let run;
    for (let i = firstEndingBehind(row, from); i < row.length && row[i].x < to; i++) {
      const { node, depth } = row[i];
      const x = Math.max(0, (row[i].x - from) * scale);
      const box = { node, depth, x, width: Math.min(1, (row[i].x + row[i].width - from) * scale) - x };
      if (box.width >= least || isKept(node)) {
        boxes.push(box);
        run = undefined;
      } else {
        const next = addNarrow(run, box);
        if (next !== run) boxes.push(next);
        run = next;
      }
    }
  }
  return boxes;
}

/** The box at x (0 to 1 of the window) in the row of that depth, or undefined. */
export function boxAt(rows, { from, to }, x, depth) {
  const row = rows[depth], at = from + x * (to - from);
  const box = row?.[firstEndingBehind(row, at)];
  return box && box.x <= at ? box : undefined;
}

/** The window that a node fills. */
export function windowOf(rows, node) {
  const box = rows[node.depth]?.find((b) => b.node === node);
  return box ? { from: box.x, to: box.x + box.width } : { from: 0, to: 1 };
}

// A stack that a word meets several times counts once.
function collectMatches(node, word, found, isInside) {
  const isMatch = node.parent !== undefined && node.name.toLowerCase().includes(word);
  if (isMatch) {
    found.nodes.add(node);
    if (!isInside) {
      found.value += node.value;
      found.weight += node.weight;
    }
  }
  for (const child of node.children) collectMatches(child, word, found, isInside || isMatch);
}

/** What the word meets: { nodes: a Set, value, weight }, or undefined if there is no word. */
export function searchTree(root, text) {
  const word = text.trim().toLowerCase();
  if (word === '') return undefined;
  const found = { nodes: new Set(), value: 0n, weight: 0 };
  collectMatches(root, word, found, false);
  return found;
}

/** The node that a key leads to from the given one: its first child, its parent or a sibling. */
export function neighbour(node, direction) {
  if (direction === 'out') return node.parent ?? node;
  if (direction === 'in') return node.children[0] ?? node;
  const siblings = node.parent?.children ?? [node];
  const at = siblings.indexOf(node) + (direction === 'next' ? 1 : -1);
  return siblings[at] ?? node;
}

/** The names from the root to the node. */
export function pathTo(node) {
  const names = [];
  for (let n = node; n?.parent; n = n.parent) names.unshift(n.name);
  return names;
}

/** The node of a new tree at the same path, or the deepest one that is left of it. */
export function findSame(root, node) {
  const keys = [];
  for (let n = node; n?.parent; n = n.parent) keys.unshift(n.key);
  let at = root;
  for (const key of keys) {
    const child = at.children.find((c) => c.key === key);
    if (!child) break;
    at = child;
  }
  return at;
}
