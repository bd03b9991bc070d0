// SPDX-License-Identifier: MIT
// The section "progress": what the student has done in all steps; export, reset.

import { curlOf, send } from './api.js';
import { commandLine, el, emptyState, fill, problemNote } from './dom.js';
import { known, listen, refreshProgress } from './state.js';

const NOT_KEPT = 'The lab has no folder for the progress, or can\'t write there: --state FOLDER names one.';

let table, note;

const COLUMNS = [['visits', 'Visits'], ['captures', 'Captures'], ['hints', 'Hints'], ['answers', 'Answers'], ['score', 'Score'], ['minutes', 'Minutes']];

function titleOf(number) {
  return known('steps')?.steps.find((s) => s.number === number)?.title ?? '';
}

function row(step) {
  return el('tr', {}, el('th', { scope: 'row', class: 'figure' }, String(step.step)), el('td', { class: 'name' }, titleOf(step.step)),
    COLUMNS.map(([key]) => el('td', { class: 'figure' }, step[key] === undefined || step[key] === null ? '–' : String(step[key]))),
    el('td', {}, step.solved ? el('span', { class: 'chip solved' }, 'solved') : '',
      step.repaired ? el('span', { class: 'chip solved' }, 'repaired') : ''));
}

function nothingYet(isKept) {
  return isKept ? emptyState('Nothing is done yet.', 'Choose a step above; what you do in it is noted here.') :
    emptyState('This lab notes no progress.', NOT_KEPT);
}

function show() {
  const done = known('progress');
  if (!done) return;
  const { steps, dropped, kept, problem } = done;
  fill(table, steps.length === 0 ? nothingYet(kept) :
    el('div', { class: 'table-scroll', tabindex: '0', role: 'region', 'aria-label': 'Progress' }, el('table', { class: 'progress' },
      el('thead', {}, el('tr', {}, el('th', { scope: 'col', class: 'figure' }, 'Step'), el('th', { scope: 'col', class: 'name' }, 'Title'),
        COLUMNS.map(([, name]) => el('th', { scope: 'col', class: 'figure' }, name)), el('th', { scope: 'col' }, 'State'))),
      el('tbody', {}, steps.map(row)))),
  steps.length > 0 && !kept && el('p', { class: 'quiet' }, `${NOT_KEPT} What you do is forgotten when the lab ends.`),
  problem && el('p', { class: 'problem' }, `What you have done can't be read: ${problem}`),
  dropped > 0 && el('p', { class: 'problem' }, `${dropped} lines of the file can't be read.`));
}

function exportLink(format) {
  return el('a', { class: 'button', href: `/lab/progress?format=${format}`, download: `diaglab-progress.${format}` }, `Export ${format.toUpperCase()}`);
}

// Asked twice, because it can't be taken back here.
function resetButton() {
  const button = el('button', { type: 'button' }, 'Begin anew');
  let isSure = false;
  const calm = () => {
    isSure = false;
    button.textContent = 'Begin anew';
    button.classList.remove('danger');
  };
  button.addEventListener('blur', calm);
  button.addEventListener('click', async () => {
    if (!isSure) {
      isSure = true;
      button.textContent = 'Really begin anew?';
      button.classList.add('danger');
      return;
    }
    calm();
    try {
      await send({ method: 'DELETE', path: '/lab/progress' });
      await refreshProgress();
    } catch (error) {
      fill(note, problemNote(error.message));
    }
  });
  return button;
}

export function startProgress(box) {
  table = el('div', {});
  note = el('div', {});
  fill(box, table, el('div', { class: 'row' }, exportLink('json'), exportLink('csv'), resetButton()), note, commandLine(curlOf({ path: '/lab/progress' })).node);
  listen('progress', show);
  listen('steps', show);
}
