// SPDX-License-Identifier: MIT
// The section "capture": a button for each kind of profile, and the list of captures.

import { curlOf, profilePath } from './api.js';
import { announce, checkbox, commandLine, el, field, fill, problemNote, setText } from './dom.js';
import { PRESENT, RECORDED, SINCE_LOAD } from './kinds.js';
import { makeCaptureList } from './capturelist.js';
import { known, listen } from './state.js';
import { takeCapture } from './visit.js';
import { makeViewer, openCaptures } from './viewer.js';

let seconds, delta, garbage, command, progress, cancelButton, sinceBox, ownBox, running;

function secondsNow() {
  return Math.min(600, Math.max(1, Math.round(Number(seconds.value) || 5)));
}

function paramsOf(kind) {
  if (RECORDED.includes(kind)) return { seconds: secondsNow() };
  if (delta.box.checked && !kind.hasNoDelta) return { seconds: secondsNow() };
  return kind.name === 'heap' && garbage.box.checked ? { gc: 1 } : {};
}

function fileOf(kind) {
  return `${kind.name}.pb.gz`;
}

function countDown(kind, length) {
  const began = Date.now();
  const tick = () => {
    const left = Math.max(0, Math.ceil(length - (Date.now() - began) / 1000));
    setText(progress, left > 0 ? `${kind.label}: ${left} s left` : `${kind.label}: waiting for the file…`);
  };
  tick();
  return setInterval(tick, 250);
}

async function capture(kind) {
  const params = paramsOf(kind), gone = new AbortController();
  running?.abort();
  running = gone;
  cancelButton.hidden = false;
  const timer = countDown(kind, params.seconds ?? 0);
  try {
    const taken = await takeCapture(profilePath(kind.name, params), { signal: gone.signal });
    clearInterval(timer);
    setText(progress, `${taken.id} is taken.`);
    announce(`Capture ${taken.id} is taken.`);
    await openCaptures([taken]);
  } catch (error) {
    clearInterval(timer);
    if (error.name === 'AbortError') setText(progress, 'Given up.');
    else fill(progress, problemNote(error.message));
  }
  if (running === gone) cancelButton.hidden = true;
}

function kindButton(kind) {
  const button = el('button', { type: 'button', class: 'kind', 'data-kind': kind.name },
    el('b', {}, kind.label), el('span', {}, kind.shows));
  const show = () => command.set(curlOf({ path: profilePath(kind.name, paramsOf(kind)), output: fileOf(kind) }));
  button.addEventListener('focus', show);
  button.addEventListener('pointerenter', show);
  button.addEventListener('click', () => capture(kind));
  return button;
}

function traceLink() {
  const link = el('a', { class: 'kind', download: 'trace.out' }, el('b', {}, 'Trace ↓'), el('span', {}, 'What tasks do, event by event: a file for go tool trace'));
  const update = () => link.setAttribute('href', `/debug/pprof/trace?seconds=${secondsNow()}`);
  seconds.addEventListener('input', update);
  link.addEventListener('focus', () => command.set(curlOf({ path: link.getAttribute('href'), output: 'trace.out' })));
  update();
  return link;
}

// What has just happened, if the lab keeps it.
function pastLink() {
  const kept = document.querySelector('meta[name=flight]')?.content;
  if (!kept) return null;
  const path = `/debug/pprof/trace?last=${kept}s`;
  const link = el('a', { class: 'kind', download: 'past.out', href: path }, el('b', {}, 'Past ↓'), el('span', {}, `A trace of the last ${kept} seconds: what has just happened`));
  link.addEventListener('focus', () => command.set(curlOf({ path, output: 'past.out' })));
  return link;
}

// What a load has added: between the captures that were taken when it began, and now.
async function compareSinceLoad(kind, began) {
  try {
    const before = known('captures').captures.find((c) => c.attempt === began.attempt && c.id === began.ids[kind]);
    if (!before) throw new Error('what was captured when the load began is gone');
    const after = await takeCapture(profilePath(kind));
    await openCaptures([before, after]);
  } catch (error) {
    fill(progress, problemNote(error.message));
  }
}

function showSinceLoad() {
  const began = known('load-began'), captures = known('captures');
  const isNow = began && captures?.attempt === began.attempt && captures.captures.some((c) => c.id === began.ids.heap);
  sinceBox.hidden = !isNow;
  if (!isNow) return;
  fill(sinceBox, el('span', { class: 'quiet' }, 'Since the load began:'), SINCE_LOAD.map((kind) => {
    const button = el('button', { type: 'button' }, kind);
    button.addEventListener('click', () => compareSinceLoad(kind, began));
    return button;
  }));
}

// Profiles that the program makes itself: others in each step.
function showOwn({ profiles }) {
  const names = (profiles ?? []).join(' ');
  if (ownBox.dataset.names === names) return;
  ownBox.dataset.names = names;
  ownBox.hidden = names === '';
  fill(ownBox, (profiles ?? []).map((name) => kindButton(
    { name, label: name, shows: 'The program\'s own: what it has added and not removed', hasNoDelta: true })));
}

export function startCapture(box) {
  seconds = el('input', { type: 'number', min: '1', max: '600', value: '5', id: 'capture-seconds' });
  delta = checkbox('Only what is added in these seconds');
  garbage = checkbox('Collect garbage before a heap capture');
  command = commandLine(curlOf({ path: profilePath('heap'), output: 'heap.pb.gz' }));
  progress = el('span', { class: 'figure', role: 'status' });
  cancelButton = el('button', { type: 'button', hidden: true }, 'Give up');
  cancelButton.addEventListener('click', () => running?.abort());
  sinceBox = el('div', { class: 'row', hidden: true });
  ownBox = el('div', { class: 'kinds', hidden: true });
  fill(box,
    el('div', { class: 'part' },
      el('div', { class: 'row capture-tools' }, field('Seconds', seconds), delta.node, garbage.node, progress, cancelButton),
      el('div', { class: 'kinds' }, RECORDED.map(kindButton), PRESENT.map(kindButton), traceLink(), pastLink()),
      ownBox, sinceBox, command.node),
    makeCaptureList(), makeViewer());
  listen('status', showOwn);
  listen('captures', showSinceLoad);
  listen('load-began', showSinceLoad);
}
