// SPDX-License-Identifier: MIT
// The list of captures: open, compare, download, forget.

import { curlOf, paths, send } from './api.js';
import { commandLine, el, emptyState, fill, problemNote } from './dom.js';
import { formatBytes, formatClock, formatSeconds } from './format.js';
import { bytesOf, fileNameOf, isKept, keyOf } from './keep.js';
import { readProfile } from './profile.js';
import { known, listen, refreshCaptures } from './state.js';
import { openCaptures } from './viewer.js';

const NO_PROFILES = new Set(['metrics', 'vars', 'trace']);
const MOST_ROWS = 100, COUNTED = 12; // of the newest, samples are counted even if nobody opens them

const chosen = new Set(); // attempt and id of those to compare
const counts = new Map(); // samples, by attempt and id
let list, compareButton, note, command, shown;

function isReadable(capture) {
  return isKept(capture) || (capture.kept && capture.attempt === known('captures')?.attempt);
}

async function countSamples(capture, cell) {
  const key = keyOf(capture);
  if (!counts.has(key)) {
    const profile = await readProfile(await bytesOf(capture)).catch(() => undefined);
    counts.set(key, profile ? String(profile.samples.length) : '–');
  }
  cell.textContent = counts.get(key);
}

async function download(capture) {
  const url = URL.createObjectURL(new Blob([await bytesOf(capture)]));
  el('a', { href: url, download: fileNameOf(capture) }).click();
  setTimeout(() => URL.revokeObjectURL(url), 10000);
}

function action(label, capture, run, text = label) {
  const button = el('button', { type: 'button', 'aria-label': `${label} ${capture.id}` }, text);
  button.addEventListener('click', () => run().catch((error) => fill(note, problemNote(error.message))));
  return button;
}

function chosenCaptures() {
  return (known('captures')?.captures ?? []).filter((c) => chosen.has(keyOf(c)));
}

function updateCompare() {
  const pair = chosenCaptures();
  compareButton.disabled = pair.length !== 2 || pair[0].kind !== pair[1].kind;
  if (pair.length === 2 && pair[0].kind !== pair[1].kind) fill(note, `Only captures of one kind can be compared: these are ${pair[0].kind} and ${pair[1].kind}.`);
  else if (pair.length > 2) fill(note, 'Two captures can be compared, not more.');
  else if (pair.length === 1) fill(note, `Now tick another ${pair[0].kind} capture.`);
  else fill(note);
}

function compareBox(capture) {
  const box = el('input', { type: 'checkbox', checked: chosen.has(keyOf(capture)), disabled: !isReadable(capture) || capture.kind === 'trace', 'aria-label': `Compare ${capture.id}` });
  box.addEventListener('change', () => {
    if (box.checked) chosen.add(keyOf(capture));
    else chosen.delete(keyOf(capture));
    updateCompare();
  });
  return box;
}

function row(capture, isOfNow, i) {
  const samples = el('td', { class: 'figure' }, counts.get(keyOf(capture)) ?? '–');
  const canRead = isReadable(capture);
  if ((isKept(capture) || (canRead && i < COUNTED)) && !NO_PROFILES.has(capture.kind)) countSamples(capture, samples).catch(() => {});
  return el('tr', { class: isOfNow ? undefined : 'earlier' },
    el('td', {}, compareBox(capture)), el('th', { scope: 'row' }, canRead && capture.kind !== 'trace' ? action('Open', capture, () => openCaptures([capture]), capture.id) : capture.id), el('td', {}, capture.kind), el('td', { class: 'figure' }, String(capture.step)),
    el('td', { class: 'figure' }, formatClock(capture.at)), el('td', { class: 'figure' }, formatSeconds(capture.seconds)),
    el('td', { class: 'figure' }, capture.busy_seconds > 0 ? formatSeconds(capture.busy_seconds) : 'idle'), el('td', { class: 'figure' }, String(capture.requests)),
    samples, el('td', { class: 'figure' }, formatBytes(capture.bytes)),
    el('td', { class: 'actions' }, canRead ? action('Download', capture, () => download(capture)) : el('span', { class: 'quiet' }, 'gone'),
      action('Forget', capture, () => forget(capture))));
}

// The row may be of a lab that has ended since: the next one has other captures by the
// same ids, so it is asked before.
async function forget(capture) {
  const key = keyOf(capture);
  chosen.delete(key);
  await refreshCaptures();
  if (!known('captures').captures.some((c) => keyOf(c) === key)) return;
  await send({ method: 'DELETE', path: paths.capture(capture.id) });
  await refreshCaptures();
}

const COLUMNS = ['compare', 'id', 'kind', 'step', 'time', 'tells of', 'busy', 'requests', 'samples', 'size', ''];
const NUMERIC = new Set(['step', 'time', 'tells of', 'busy', 'requests', 'samples', 'size']);

function table(captures, attempt) {
  return el('div', { class: 'table-scroll', tabindex: '0', role: 'region', 'aria-label': 'Captures' }, el('table', { class: 'captures' },
    el('thead', {}, el('tr', {}, COLUMNS.map((name) => el(name ? 'th' : 'td', name ? { scope: 'col', class: NUMERIC.has(name) ? 'figure' : undefined } : {}, name)))),
    el('tbody', {}, captures.slice(-MOST_ROWS).reverse().map((c, i) => row(c, c.attempt === attempt, i)))),
  captures.length > MOST_ROWS && el('p', { class: 'quiet' }, `${captures.length - MOST_ROWS} older captures aren't shown.`));
}

function show(answer) {
  const key = JSON.stringify([answer.attempt, answer.captures.map((c) => [keyOf(c), isReadable(c)])]);
  if (key === shown) return;
  shown = key;
  fill(list, answer.captures.length ? table(answer.captures, answer.attempt) :
    emptyState('There are no captures yet.', 'Take one above. To compare, take one, send a load, and take another.'));
  updateCompare();
}

export function makeCaptureList() {
  list = el('div', {});
  note = el('span', { class: 'quiet', role: 'status' });
  command = commandLine(curlOf({ path: paths.captures }));
  compareButton = el('button', { type: 'button', class: 'main', id: 'compare', disabled: true }, 'Compare two');
  compareButton.addEventListener('click', () => openCaptures(chosenCaptures()));
  listen('captures', show);
  return el('div', { class: 'part' }, el('div', { class: 'row' }, el('h3', {}, 'Captures'), compareButton, note), list, command.node);
}
