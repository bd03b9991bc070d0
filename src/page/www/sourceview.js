// SPDX-License-Identifier: MIT
// The source of a function with what each line has cost, as go tool pprof -list.

import { getJsonIfAny, paths } from './api.js';
import { el, emptyState, fill } from './dom.js';
import { originOf } from './flamecolour.js';
import { formatValue } from './format.js';
import { tell } from './state.js';
import { lineCosts } from './top.js';

const AROUND = 4; // lines that are seen before and behind those that cost something

const texts = new Map(); // by file name
let visit, showing = 0;

// The lab tells the files of the step; its own Lua code is no part of the exercise,
// wherever its files are.
function isOfStep(name, file) {
  return originOf({ name, file }) === 'lua' && !file.startsWith('diaglab/');
}

async function readSource(file) {
  if (!texts.has(file)) {
    const asked = visit;
    const source = await getJsonIfAny(paths.source(file)).catch(() => undefined);
    if (!source) return undefined;
    if (visit !== asked) return source.lines; // nothing of them is kept for the next visit
    if (file.endsWith('/scenario.lua')) tell('scenario-file', file);
    texts.set(file, source.lines);
  }
  return texts.get(file);
}

/** Sources belong to a visit: the files of another one may differ. */
export function forgetSources(status) {
  const now = `${status.step} ${status.since}`;
  if (now === visit) return;
  visit = now;
  texts.clear();
  tell('scenario-file', undefined);
}

function lineRow(number, text, cost, unit) {
  const cell = (value) => el('td', { class: 'figure' }, value ? formatValue(value, unit) : '');
  return el('tr', { class: cost ? 'costly' : undefined },
    cell(cost?.flat), cell(cost?.cum), el('td', { class: 'figure quiet' }, String(number)), el('td', { class: 'code' }, text));
}

function rowsOf(lines, costs, unit) {
  const numbers = [...costs.keys()].sort((a, b) => a - b);
  if (!lines) return numbers.map((n) => lineRow(n, '', costs.get(n), unit));
  const first = Math.max(1, numbers[0] - AROUND), last = Math.min(lines.length, numbers[numbers.length - 1] + AROUND);
  const rows = [];
  for (let n = first; n <= last; n++) rows.push(lineRow(n, lines[n - 1], costs.get(n), unit));
  return rows;
}

function fileTable(file, lines, costs, unit) {
  return el('div', { class: 'table-scroll', tabindex: '0', role: 'region', 'aria-label': `Source of ${file}` },
    el('table', { class: 'source' },
      el('caption', { title: file }, file.split('/').slice(-2).join('/')),
      el('thead', {}, el('tr', {}, ['flat', 'cum', 'line', 'source'].map((t) => el('th', { scope: 'col' }, t)))),
      el('tbody', {}, rowsOf(lines, costs, unit))));
}

/** Fills the node for the function `key` of the profile, unless another one is chosen meanwhile. */
export async function showSource(node, profile, index, { key, name }) {
  const files = lineCosts(profile, index, key);
  const { unit } = profile.sampleTypes[index];
  const parts = [], mine = ++showing;
  for (const [file, costs] of files) {
    const lines = isOfStep(name, file) ? await readSource(file) : undefined;
    parts.push(fileTable(file, lines, costs, unit));
  }
  if (mine !== showing) return;
  fill(node, el('h4', {}, name), parts.length ? parts : emptyState('Its lines are not known.', 'Choose the function that has called it.'));
}
