// SPDX-License-Identifier: MIT
// The check of a student's own repair: how to get the program, a button, how far the
// check is, and its verdict.

import { curlOf, getJson, paths, send } from './api.js';
import { announce, commandLine, el, fill, problemNote, setText } from './dom.js';
import { formatSeconds } from './format.js';
import { refreshProgress } from './state.js';

const POLL = 1000;
const CHECK = { method: 'POST', path: paths.repair };
const TITLES = {
  repaired: 'Repaired', 'still there': 'Still there', broken: 'Broken', 'gone with its work': 'Gone with its work', inconclusive: 'It can\'t be told',
};

/** "40 % after 12 s, about 18 s more" */
export function progressText({ percent, seconds, left_s: left }) {
  const rest = left === null ? '' : `, about ${formatSeconds(Math.ceil(left))} more`;
  return `${percent} % after ${formatSeconds(Math.floor(seconds))}${rest}`;
}

/** The verdict of a check that has ended: { kind, title, says, reasons, notes } */
export function verdictOf(state) {
  const { report, note, error } = state;
  if (!report) return { kind: 'invalid', title: 'No verdict', says: error, reasons: [], notes: [] };
  const kind = report.verdict === 'repaired' ? 'solved' : report.verdict === 'inconclusive' ? 'invalid' : 'wrong';
  return { kind, title: TITLES[report.verdict] ?? report.verdict, says: report.says, reasons: report.reasons, notes: [report.note, note].filter(Boolean) };
}

function verdictNode(state) {
  const { kind, title, says, reasons, notes } = verdictOf(state);
  return el('div', { class: `verdict ${kind}` }, el('h4', {}, title, el('span', { class: 'figure' }, ` (${formatSeconds(Math.round(state.seconds))})`)),
    el('p', {}, says), reasons.length > 0 && el('ul', {}, reasons.map((reason) => el('li', {}, el('code', {}, reason)))),
    notes.map((note) => el('p', { class: 'quiet' }, note)));
}

/** For the step whose solution says `repair`. It ends when it is taken off the page. */
export function makeRepair(repair, step) {
  const result = el('div', { class: 'verdict-box', tabindex: '-1' });
  const bar = el('progress', { max: '100', 'aria-label': 'The check of your repair' }), words = el('span', { class: 'figure' });
  const running = el('div', { class: 'row check-progress', hidden: true }, bar, words);
  const start = el('button', { type: 'button', class: 'main', id: 'check-repair' }, 'Check my repair');
  const stop = el('button', { type: 'button', id: 'stop-check', disabled: true }, 'Stop');
  let isFollowing = false, wasRunning = false;

  function show(state) {
    const isRunning = state.running, isOwn = state.begun && state.step === step;
    start.disabled = isRunning;
    stop.disabled = !isRunning;
    running.hidden = !isRunning;
    if (isRunning) {
      bar.value = state.percent;
      setText(words, isOwn ? progressText(state) : `a repair of step ${state.step} is being checked: ${progressText(state)}`);
      fill(result);
    } else {
      fill(result, isOwn && verdictNode(state));
      if (wasRunning && isOwn) announce(`${verdictOf(state).title}. ${verdictOf(state).says}`);
      if (wasRunning) refreshProgress().catch(() => {});
    }
    wasRunning = isRunning;
  }

  async function follow() {
    if (isFollowing) return;
    isFollowing = true;
    try {
      for (let state = await getJson(paths.repair); ; state = await getJson(paths.repair)) {
        show(state);
        if (!state.running) break;
        await new Promise((resolve) => setTimeout(resolve, POLL));
        if (!result.isConnected) break;
      }
    } catch (error) {
      fill(result, problemNote(error.message));
      start.disabled = false;
    }
    isFollowing = false;
  }

  async function ask(action) {
    start.disabled = true;
    try {
      await send(action);
    } catch (error) {
      fill(result, problemNote(error.message));
      start.disabled = false;
      return;
    }
    follow();
  }
  start.addEventListener('click', () => ask(CHECK));
  stop.addEventListener('click', () => ask({ method: 'DELETE', path: paths.repair }));
  follow();
  return el('div', { class: 'part repair-part' }, el('h3', {}, 'Repair it'),
    el('p', {}, 'This copies the program into a folder of yours:'), commandLine(repair.get).node,
    el('p', {}, 'Edit ', el('code', {}, `${repair.folder}/scenario.lua`), ', and have it checked: is the fault gone, and the work still done? That takes from some seconds to some minutes, in labs of its own.'),
    el('div', { class: 'row' }, start, stop), running, result, commandLine(curlOf(CHECK)).node);
}
