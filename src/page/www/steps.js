// SPDX-License-Identifier: MIT
// The section "steps": a ticket for each, with what the student has done there.

import { curlOf, gotoAction } from './api.js';
import { solvedText } from './done.js';
import { commandLine, el, emptyState, field, fill, problemNote } from './dom.js';
import { known, listen, progressOf } from './state.js';
import { enterStep } from './visit.js';

let list, problem, search, command, shown;

function difficultyDots(difficulty) {
  const n = Math.max(0, Math.min(5, difficulty ?? 0));
  return el('span', { class: 'dots', role: 'img', 'aria-label': `difficulty ${n} of 5` }, '●'.repeat(n), '○'.repeat(5 - n));
}

function stateChip(step, isPresent) {
  const done = progressOf(step.number);
  if (isPresent) return el('span', { class: 'chip here' }, 'running');
  if (done?.solved) return el('span', { class: 'chip solved' }, solvedText(done));
  if (done?.visits) return el('span', { class: 'chip' }, 'visited');
  return el('span', { class: 'chip fresh' }, 'new');
}

// A second click on the way would be a second visit.
async function choose(step, button) {
  if (button.getAttribute('aria-busy')) return;
  fill(problem);
  button.setAttribute('aria-busy', 'true');
  try {
    await enterStep(step.number);
    document.getElementById('now')?.scrollIntoView({ block: 'start' });
  } catch (error) {
    fill(problem, problemNote(error.message));
  }
  button.removeAttribute('aria-busy');
}

function ticket(step, isPresent) {
  const canChoose = !step.problem || step.title;
  const label = isPresent ? 'Enter anew' : 'Choose';
  const button = el('button', {
    type: 'button', class: 'choose', disabled: !canChoose, 'aria-label': `${label}: step ${step.number}`,
    'data-step': String(step.number),
  }, label);
  button.addEventListener('click', () => choose(step, button));
  const show = () => command.set(curlOf(gotoAction(step.number)));
  button.addEventListener('focus', show);
  button.addEventListener('pointerenter', show);
  return el('article', { class: `ticket${isPresent ? ' present' : ''}`, 'aria-current': isPresent ? 'step' : undefined },
    el('header', {}, el('span', { class: 'number' }, `Step ${step.number}`), stateChip(step, isPresent)),
    el('h3', {}, step.title || step.slug),
    el('p', {}, step.symptom),
    step.problem && el('p', { class: 'problem' }, step.problem),
    el('footer', {}, difficultyDots(step.difficulty), step.minutes && el('span', {}, `${step.minutes} min`), button));
}

function matches(step, word) {
  return `${step.number} ${step.title} ${step.symptom}`.toLowerCase().includes(word);
}

// What a step is about would be a hint, so its block is told only when it is solved.
function groupOf(step) {
  if (!progressOf(step.number)?.solved) return 'Open';
  return step.block ? `Solved: ${step.block}` : 'Solved';
}

// The tickets that the lab has sent stay until there are others.
function show(box, parts) {
  const steps = known('steps')?.steps;
  if (!steps) return;
  if (!list.isConnected) fill(box, parts);
  const present = known('status')?.step ?? known('steps').step;
  const word = search.value.trim().toLowerCase();
  const found = steps.filter((s) => matches(s, word));
  const key = JSON.stringify([found, present, known('progress'), word]);
  if (key === shown) return;
  shown = key;
  const groups = groupBy(found, groupOf);
  const focused = document.activeElement?.dataset?.step;
  fill(list, [...groups].map(([name, members]) => [
    groups.size > 1 && el('p', { class: 'group' }, name),
    members.map((s) => ticket(s, s.number === present)),
  ]), found.length === 0 && emptyState('No step is like that.', 'Search for another word, or for less of it.'));
  if (focused) list.querySelector(`[data-step="${CSS.escape(focused)}"]`)?.focus();
}

function groupBy(items, keyOf) {
  const groups = new Map();
  for (const item of items) groups.set(keyOf(item), [...groups.get(keyOf(item)) ?? [], item]);
  return groups;
}

export function startSteps(box) {
  search = el('input', { type: 'search', autocomplete: 'off' });
  search.addEventListener('input', () => show());
  list = el('div', { class: 'tickets' });
  problem = el('div', {});
  command = commandLine('');
  command.set(curlOf(gotoAction(3)));
  const parts = [field('Search', search), problem, list, command.node];
  for (const name of ['steps', 'status', 'progress']) listen(name, () => show(box, parts));
}
