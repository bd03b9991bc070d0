// SPDX-License-Identifier: MIT
// The top table: functions with flat and cum, as go tool pprof -top, sorted by either.

import { el, fill } from './dom.js';
import { exactValue, formatPercent, formatValue } from './format.js';
import { topRows, totalOf } from './top.js';

const MOST = 500;

function valueCell(value, unit) {
  return el('td', { class: 'figure', title: exactValue(value, unit) }, formatValue(value, unit));
}

function makeRow(row, unit, total, sum, onChoose) {
  const button = el('button', { type: 'button', class: 'link-like' }, row.name);
  button.addEventListener('click', () => onChoose(row));
  return el('tr', {}, valueCell(row.flat, unit), el('td', { class: 'figure' }, formatPercent(row.flat, total)),
    el('td', { class: 'figure' }, formatPercent(sum, total)), valueCell(row.cum, unit),
    el('td', { class: 'figure' }, formatPercent(row.cum, total)), el('td', { class: 'name' }, button));
}

function sortHeader(name, sort, onSort) {
  const button = el('button', { type: 'button', class: 'link-like' }, name, name === sort ? ' ↓' : '');
  button.addEventListener('click', () => onSort(name));
  return el('th', { scope: 'col', 'aria-sort': name === sort ? 'descending' : undefined }, button);
}

/** Fills the node with the table; onChoose(row) is called for a function. */
export function showTop(node, profile, index, onChoose, sort = 'flat') {
  const { unit } = profile.sampleTypes[index];
  const rows = topRows(profile, index, sort), total = totalOf(profile, index);
  const again = (next) => showTop(node, profile, index, onChoose, next);
  let sum = 0n;
  const body = rows.slice(0, MOST).map((row) => {
    sum += row.flat;
    return makeRow(row, unit, total, sum, onChoose);
  });
  fill(node, el('div', { class: 'table-scroll', tabindex: '0', role: 'region', 'aria-label': 'Top functions' },
    el('table', { class: 'top-table' },
      el('thead', {}, el('tr', {}, sortHeader('flat', sort, again), el('th', { scope: 'col' }, 'flat %'), el('th', { scope: 'col' }, 'sum %'),
        sortHeader('cum', sort, again), el('th', { scope: 'col' }, 'cum %'), el('th', { scope: 'col', class: 'name' }, 'function'))),
      el('tbody', {}, body))),
  rows.length > MOST && el('p', { class: 'quiet' }, `${rows.length - MOST} more functions cost less.`));
}
