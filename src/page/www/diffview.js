// SPDX-License-Identifier: MIT
// Two captures of one kind: the flame graph has the widths of the newer one, and the
// colours of what has changed; beside it stands what is new and what is gone.

import { el, fill } from './dom.js';
import { diffProfiles } from './diff.js';
import { changeColour } from './flamecolour.js';
import { makeFlameView } from './flameview.js';
import { formatChange, formatValue } from './format.js';
import { pathTo } from './flame.js';

const MOST = 12; // functions in a list

function functionList(title, rows, describe) {
  return el('div', {}, el('h4', {}, `${title} (${rows.length})`),
    rows.length === 0 ? el('p', { class: 'quiet' }, 'None.') :
      el('ul', { class: 'functions' }, rows.slice(0, MOST).map((r) => el('li', {}, el('code', {}, r.name), el('span', { class: 'figure' }, describe(r))))),
    rows.length > MOST && el('p', { class: 'quiet' }, `and ${rows.length - MOST} more`));
}

function legend() {
  const colours = ['less4', 'less2', 'same', 'more2', 'more4'];
  return el('div', { class: 'colour-legend' }, el('span', {}, 'less'), colours.map((c) => el('i', { class: `swatch ${c}` })), el('span', {}, 'more'));
}

// In one visit the requests go on; another visit has counted its own.
function requestsOf(before, after) {
  if (before.requests === undefined || after.requests === undefined) return undefined;
  return { before: before.requests, after: after.requests, isOneVisit: before.attempt === after.attempt };
}

function headline(diff, unit, per, captures) {
  const all = diff.root.change;
  const [before, after] = captures;
  if (diff.isEqual) return 'The two captures are the same: nothing has changed between them.';
  return `${after.id} has ${formatChange(all, unit)}${per} compared with ${before.id}: ${formatValue(diff.root.before, unit)} before, ${formatValue(diff.root.value, unit)} after.`;
}

/**
 * Fills the node. `captures` and `profiles` are [before, after]; options are { index,
 * isInverted, isIcicle, onChoose }.
 */
export function makeDiffView({ onChoose }) {
  const flame = makeFlameView({ onChoose });
  const head = el('p', { class: 'headline' }), empty = el('p', { class: 'quiet' }, 'The newer capture is empty, so there are no widths to draw: look at what is gone.');
  const lists = el('div', { class: 'three' });
  const node = el('div', { class: 'diff-view' }, head, empty, legend(), flame.node, lists);
  let shown = '', diff;

  function show(captures, profiles, { index, isInverted, isIcicle }) {
    const key = `${captures.map((c) => c.attempt + c.id)} ${index} ${isInverted}`;
    if (key !== shown) diff = diffProfiles(profiles[0], profiles[1], { index, requests: requestsOf(...captures), isInverted });
    shown = key;
    const { unit } = profiles[1].sampleTypes[index];
    const per = diff.perRequest ? ' per request' : '';
    const change = (v) => `${formatChange(v, unit)}${per}`;
    fill(head, headline(diff, unit, per, captures));
    empty.hidden = diff.isEqual || diff.root.weight > 0;
    flame.show(diff.root, {
      isIcicle, format: (v) => formatValue(v, unit), colourOf: changeColour(diff.largest),
      labelOf: (n) => `${n.name} ${formatChange(n.change, unit)}`,
      describe: (n) => [el('b', {}, n.name), ' ', el('span', { class: 'figure' }, `${change(n.change)} · ${formatValue(n.before, unit)} → ${formatValue(n.value, unit)}`),
        el('span', { class: 'path quiet' }, pathTo(n).slice(0, -1).join(' › '))],
    });
    fill(lists,
      functionList(`Most changed${per}`, diff.rows.filter((r) => r.change !== 0), (r) => formatChange(r.change, unit)),
      functionList('New', diff.added, (r) => formatValue(r.after, unit)),
      functionList('Gone', diff.gone, (r) => formatValue(r.before, unit)));
  }
  return { node, show };
}
