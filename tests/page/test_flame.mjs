// SPDX-License-Identifier: MIT
// Top, flame graph and diff on small profiles whose numbers can be counted by hand.
import test from 'node:test';
import assert from 'node:assert/strict';
import { decodeProfile } from '../../src/page/www/profile.js';
import { compareNames, lineCosts, sumOf, topRows, totalOf } from '../../src/page/www/top.js';
import { boxAt, buildTree, countNodes, findSame, layOut, neighbour, pathTo, searchTree, visibleBoxes, windowOf } from '../../src/page/www/flame.js';
import { diffProfiles, makeChange, whyNotComparable } from '../../src/page/www/diff.js';
import { encodeProfile } from './encode.mjs';

const profileOf = (stacks, types) =>
  decodeProfile(encodeProfile({ types, stacks: stacks.map(([names, ...values]) => ({ names: names.split(' '), values })) }));
const rowsOf = (p, sort) => topRows(p, 0, sort).map((r) => `${r.name} ${r.flat} ${r.cum}`);
const treeText = (n) => `${n.name} ${n.value}${n.children.length ? ` (${n.children.map(treeText).join(', ')})` : ''}`;

test('a function counts once for each stack', () => {
  const p = profileOf([['main f g f', 5], ['main g', 2], ['main', 1]]);
  assert.deepEqual(rowsOf(p), ['f 5 5', 'g 2 7', 'main 1 8']);
  assert.deepEqual(rowsOf(p, 'cum'), ['main 1 8', 'g 2 7', 'f 5 5']);
});

test('large numbers lose no digit', () => {
  const p = profileOf([['a', 2n ** 60n + 1n], ['a', 2n ** 60n], ['b', 1]]);
  assert.equal(topRows(p, 0)[0].flat, 2n ** 61n + 1n);
  assert.equal(totalOf(p, 0), 2n ** 61n + 2n);
});

test('negative values: by size, and the total of sizes', () => {
  const p = profileOf([['m a', -9], ['m b', 4], ['m c', 0]]);
  assert.deepEqual(rowsOf(p), ['a -9 -9', 'b 4 4', 'm 0 -5']);
  assert.deepEqual([totalOf(p, 0), sumOf(p, 0)], [13n, -5n]);
});

test('names are compared as Go compares strings', () => {
  assert.ok(compareNames('Z', 'a') < 0);
  assert.ok(compareNames('a', 'ab') < 0);
  assert.ok(compareNames('\uffee', '\u{1f600}') < 0); // UTF-16 has the other order
});

test('lines of a function', () => {
  const p = profileOf([['main work', 5], ['work main', 2]]);
  assert.deepEqual([...lineCosts(p, 0, 'work').get('a.lua')], [[20, { flat: 5n, cum: 7n }]]);
  const recursive = profileOf([['f g f', 3]]);
  assert.deepEqual([...lineCosts(recursive, 0, 'f').get('a.lua')], [[10, { flat: 3n, cum: 3n }]]);
});

test('the tree, both ways round', () => {
  const p = profileOf([['main f g', 5], ['main g', 2], ['main f', 1]]);
  assert.equal(treeText(buildTree(p, 0)), 'all 8 (main 8 (f 6 (g 5), g 2))');
  assert.equal(treeText(buildTree(p, 0, true)), 'all 8 (g 7 (f 5 (main 5), main 2), f 1 (main 1))');
  const tree = buildTree(p, 0);
  assert.equal(tree.children[0].children[0].self, 1n);
  assert.equal(buildTree(p, 0, true).children[0].self, 7n);
  assert.equal(countNodes(tree), 5);
});

test('boxes stand inside their callers, and a window shows a part', () => {
  const root = buildTree(profileOf([['main f g', 5], ['main g', 2], ['main h', 1]]), 0);
  const rows = layOut(root);
  for (const box of rows.flat()) {
    assert.ok(Math.abs(box.width - box.node.weight / root.weight) < 1e-12);
    const parent = rows[box.depth - 1]?.find((b) => b.node === box.node.parent);
    if (parent) assert.ok(box.x >= parent.x - 1e-12 && box.x + box.width <= parent.x + parent.width + 1e-12);
  }
  assert.equal(rows.length, 4);
  const seen = (view, least) => visibleBoxes(rows, view, least).map((b) => [b.node.name, b.x, b.width]);
  const narrow = (isKept) => visibleBoxes(rows, { from: 0, to: 1 }, 0.3, isKept).filter((b) => b.isRun).map((b) => [b.node.name, b.x, b.width]);
  assert.deepEqual(narrow(), [['g', 0.625, 0.375]]); // g has a quarter, and h an eighth
  assert.deepEqual(narrow((node) => node.name === 'h'), [['g', 0.625, 0.25]]);
  const f = root.children[0].children[0];
  assert.deepEqual(windowOf(rows, f), { from: 0, to: 0.625 });
  assert.deepEqual(seen(windowOf(rows, f), 0), [['all', 0, 1], ['main', 0, 1], ['f', 0, 1], ['g', 0, 1]]);
  assert.deepEqual(seen({ from: 0.5, to: 1 }, 0).slice(0, 3), [['all', 0, 1], ['main', 0, 1], ['f', 0, 0.25]]);
  assert.equal(boxAt(rows, { from: 0.5, to: 1 }, 0.3, 2).node.name, 'g');
  assert.equal(boxAt(rows, { from: 0, to: 1 }, 0.9, 3), undefined);
  assert.equal(boxAt(rows, { from: 0, to: 1 }, 0.9, 7), undefined);
});

test('a search counts nested matches once', () => {
  const root = buildTree(profileOf([['main foo bar foo', 5], ['main bar', 2], ['main x', 1]]), 0);
  const found = searchTree(root, ' FOO ');
  assert.deepEqual([found.value, found.nodes.size], [5n, 2]);
  assert.equal(searchTree(root, '  '), undefined);
  assert.equal(searchTree(root, 'all').nodes.size, 0);
});

test('keys lead from box to box', () => {
  const root = buildTree(profileOf([['m a b', 5], ['m c', 2]]), 0);
  const a = root.children[0].children[0];
  assert.equal(neighbour(a, 'next').name, 'c');
  assert.equal(neighbour(a, 'previous'), a);
  assert.equal(neighbour(a, 'in').name, 'b');
  assert.equal(neighbour(a, 'out').name, 'm');
  assert.equal(neighbour(root, 'out'), root);
  assert.deepEqual(pathTo(neighbour(a, 'in')), ['m', 'a', 'b']);
  assert.equal(findSame(buildTree(profileOf([['m a z', 1]]), 0), neighbour(a, 'in')).name, 'a');
});

test('a deep recursion overflows no stack', () => {
  const names = Array.from({ length: 3000 }, (_, i) => `f${i}`);
  const root = buildTree(profileOf([[names.join(' '), 1]]), 0);
  assert.equal(layOut(root).length, 3001);
});

test('a diff: widths of the new one, changes for each request', () => {
  const before = profileOf([['m a', 10], ['m old', 4]]);
  const after = profileOf([['m a', 40], ['m new', 6]]);
  const diff = diffProfiles(before, after, { requests: { before: 2, after: 12, isOneVisit: true } });
  assert.equal(diff.perRequest, true);
  assert.equal(treeText(diff.root), 'all 46 (m 46 (a 40, new 6))');
  assert.deepEqual(diff.rows.map((r) => [r.name, r.change]), [['m', 3.2], ['a', 3], ['new', 0.6], ['old', -0.4]]);
  assert.deepEqual([diff.added.map((r) => r.name), diff.gone.map((r) => r.name)], [['new'], ['old']]);
  assert.equal(diff.largest, 3.2);
  assert.equal(diff.root.children[0].children[0].before, 10n);
  assert.equal(diff.isEqual, false);
  assert.equal(diffProfiles(after, after).isEqual, true);
});

test('a diff of two visits divides each by its requests', () => {
  assert.equal(makeChange({ before: 4, after: 2, isOneVisit: false }).of(8n, 10n), 3);
  assert.equal(makeChange({ before: 4, after: 4, isOneVisit: true }).perRequest, false);
  assert.equal(makeChange(undefined).of(8n, 10n), 2);
});

test('two kinds can\'t be compared', () => {
  const heap = profileOf([['a', 1]], [['space', 'bytes']]);
  assert.match(whyNotComparable(profileOf([['a', 1]]), heap), /different things/);
  assert.throws(() => diffProfiles(profileOf([['a', 1]]), heap), /different things/);
});
