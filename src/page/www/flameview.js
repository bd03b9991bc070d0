// SPDX-License-Identifier: MIT
// The flame graph on the page: zoom, search, keys. It shows any tree of flame.js.

import { el, field, fill, setText } from './dom.js';
import { boxAt, findSame, layOut, neighbour, pathTo, searchTree, visibleBoxes, windowOf } from './flame.js';
import { makeDrawing } from './flamedraw.js';
import { formatPercent } from './format.js';

const ZOOM_MS = 160;
const LEAST = 2; // px: narrower boxes are drawn as one
const CALM_MS = 120; // until the source of a chosen box is shown
const SIDEWAYS = { ArrowRight: 'next', ArrowLeft: 'previous' };
const KEYS = {
  icicle: { ...SIDEWAYS, ArrowDown: 'in', ArrowUp: 'out' }, flame: { ...SIDEWAYS, ArrowUp: 'in', ArrowDown: 'out' },
};

function wantsStillness() {
  return window.matchMedia('(prefers-reduced-motion: reduce)').matches;
}

/**
 * A view { node, show(tree, look), search }. look: { colourOf, labelOf, describe(node) ->
 * nodes, isIcicle, format(value) }. onChoose(node) is called for the chosen box.
 */
export function makeFlameView({ onChoose }) {
  const drawing = makeDrawing('Flame graph. Arrow keys go from box to box, Enter zooms in, Escape zooms out.');
  const scroller = el('div', { class: 'flame-scroll' }, drawing.svg);
  const details = el('div', { class: 'details', 'aria-live': 'polite' });
  const result = el('span', { class: 'quiet figure', role: 'status' });
  const input = el('input', { type: 'search', autocomplete: 'off', spellcheck: 'false' });
  const reset = el('button', { type: 'button', disabled: true }, 'Zoom out');
  const node = el('div', { class: 'flame-view' },
    el('div', { class: 'row flame-tools' }, field('Search a function', input), result, reset), scroller, details);

  let tree, rows = [], look, view = { from: 0, to: 1 }, chosen, found, animation, calm;

  function boxOf(target) {
    const box = target && rows[target.depth]?.find((b) => b.node === target);
    if (!box) return undefined;
    const scale = 1 / (view.to - view.from);
    const left = Math.max(0, (box.x - view.from) * scale), right = Math.min(1, (box.x + box.width - view.from) * scale);
    return right > left ? { x: left, width: right - left, depth: target.depth } : undefined;
  }

  const colourOf = (n) => found?.nodes.has(n) ? 'found' : look.colourOf(n);

  function render() {
    const width = Math.max(200, Math.floor(scroller.clientWidth));
    const boxes = visibleBoxes(rows, view, LEAST / width, (n) => found?.nodes.has(n));
    drawing.draw(boxes, { width, depth: rows.length, isIcicle: look.isIcicle, colourOf, labelOf: look.labelOf });
    drawing.outline('chosen', boxOf(chosen));
    drawing.outline('hover');
    reset.disabled = view.from === 0 && view.to === 1;
  }

  function moveTo(target) {
    cancelAnimationFrame(animation);
    if (wantsStillness()) {
      view = target;
      render();
      return;
    }
    const began = performance.now(), start = view;
    const step = (now) => {
      const t = Math.min(1, Math.max(0, (now - began) / ZOOM_MS)), ease = 1 - (1 - t) ** 3;
      view = t === 1 ? target : { from: start.from + (target.from - start.from) * ease, to: start.to + (target.to - start.to) * ease };
      render();
      if (t < 1) animation = requestAnimationFrame(step);
    };
    animation = requestAnimationFrame(step);
  }

  function choose(target, isZooming) {
    chosen = target;
    fill(details, look.describe(target));
    drawing.outline('chosen', boxOf(chosen));
    clearTimeout(calm);
    calm = setTimeout(() => onChoose(target), CALM_MS);
    if (isZooming) moveTo(windowOf(rows, target));
  }

  // A chosen box that is out of sight comes into it.
  function reveal(target) {
    const box = boxOf(target);
    if (!box || box.width < 0.002) moveTo(windowOf(rows, target.parent ?? target));
  }

  function searchFor(text) {
    found = tree && searchTree(tree, text);
    if (!found) setText(result, '');
    else if (found.nodes.size === 0) setText(result, 'Nothing is called that.');
    else setText(result, `${look.format(found.value)} (${formatPercent(found.weight, tree.weight)})`);
    if (tree) render();
  }

  function walk(way) {
    const target = chosen ? neighbour(chosen, way) : tree.children[0] ?? tree;
    choose(target, false);
    reveal(target);
  }

  function onKey(event) {
    if (!tree) return;
    const way = (look.isIcicle ? KEYS.icicle : KEYS.flame)[event.key];
    if (way) walk(way);
    else if (event.key === 'Enter' && chosen) choose(chosen, true);
    else if (event.key === 'Escape') moveTo({ from: 0, to: 1 });
    else return;
    event.preventDefault();
  }

  function onWheel(event) {
    if (!event.ctrlKey && !event.metaKey) return; // the page scrolls
    event.preventDefault();
    const { x } = drawing.locate(event);
    const size = view.to - view.from, next = Math.min(1, size * 1.0025 ** event.deltaY);
    const from = Math.max(0, Math.min(1 - next, view.from + x * (size - next)));
    view = { from, to: from + next };
    render();
  }

  function hitOf(event) {
    const { x, depth } = drawing.locate(event);
    return boxAt(rows, view, x, depth)?.node;
  }

  drawing.svg.addEventListener('click', (event) => {
    const hit = hitOf(event);
    if (hit) choose(hit, true);
  });
  drawing.svg.addEventListener('pointermove', (event) => {
    const hit = hitOf(event);
    drawing.outline('hover', boxOf(hit));
    if (hit) fill(details, look.describe(hit));
  });
  drawing.svg.addEventListener('pointerleave', () => {
    drawing.outline('hover');
    if (chosen) fill(details, look.describe(chosen));
  });
  drawing.svg.addEventListener('keydown', onKey);
  drawing.svg.addEventListener('wheel', onWheel, { passive: false });
  input.addEventListener('input', () => searchFor(input.value));
  reset.addEventListener('click', () => moveTo({ from: 0, to: 1 }));
  new ResizeObserver(() => tree && render()).observe(scroller);

  /** The zoom stays if the tree is the same. */
  function show(nextTree, nextLook) {
    if (nextTree !== tree) {
      tree = nextTree;
      rows = layOut(tree);
      view = { from: 0, to: 1 };
      chosen = chosen && findSame(tree, chosen);
      if (chosen === tree) chosen = undefined;
    }
    look = nextLook;
    fill(details, chosen ? look.describe(chosen) : el('span', { class: 'quiet' }, 'Point at a box, or choose one: its source lines come beside it.'));
    searchFor(input.value);
    scroller.scrollTop = look.isIcicle ? 0 : scroller.scrollHeight;
  }
  return { node, show };
}

/** What is said of a node: its path, and its costs. */
export function describeCost(node, tree, format) {
  return [
    el('b', {}, node.name), ' ',
    el('span', { class: 'figure' }, `cum ${format(node.value)} (${formatPercent(node.value, tree.weight)}) · self ${format(node.self)}`),
    node.file && el('span', { class: 'quiet' }, ` ${node.file}${node.line ? `:${node.line}` : ''}`),
    el('span', { class: 'path quiet' }, pathTo(node).slice(0, -1).join(' › ')),
  ];
}
