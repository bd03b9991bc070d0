// SPDX-License-Identifier: MIT
// What comes after a step is solved: to repair it, its solution, and the healthy twin to
// compare with.

import { curlOf, getJsonIfAny, gotoAction, paths } from './api.js';
import { commandLine, el, fill, problemNote } from './dom.js';
import { markdownNodes } from './markdown.js';
import { makeRepair } from './repair.js';
import { known, listen, progressOf } from './state.js';
import { enterBy } from './visit.js';

let box, shown;

function twinAction(solution, step) {
  if (solution.twin) return { method: 'POST', path: solution.twin };
  const isParams = solution.fixed && typeof solution.fixed === 'object' && !Array.isArray(solution.fixed);
  return isParams ? gotoAction(step, solution.fixed) : undefined;
}

function enterButton(label, action, note, props = {}) {
  const button = el('button', { type: 'button', ...props }, label);
  button.addEventListener('click', async () => {
    fill(note);
    button.disabled = true;
    try {
      await enterBy(action);
    } catch (error) {
      fill(note, problemNote(error.message));
    }
    button.disabled = false;
  });
  return button;
}

function twinPart(solution, step) {
  const action = twinAction(solution, step);
  if (!action) return undefined;
  const note = el('div', { role: 'status' });
  return el('div', { class: 'part twin-part' }, el('h3', {}, 'The healthy twin'),
    el('p', {}, 'The same program without the fault. Enter it, send the same load, take the same capture; then tick one capture of each in the list, and compare. Swap them to see what the fault adds. The captures that you have opened stay in this browser.'),
    el('div', { class: 'row' }, enterButton('Enter the healthy twin', action, note, { class: 'main', id: 'enter-twin' }),
      enterButton('Back to the fault', gotoAction(step), note, { id: 'leave-twin' })),
    note, commandLine(curlOf(action)).node);
}

// The repaired program, with the lines marked that the faulty one doesn't have.
async function repairedPart(solution) {
  const repaired = solution.fixed_file;
  if (!repaired) return undefined;
  const faulty = await faultyLines();
  const lines = repaired.lines.map((line) => el('span', { class: faulty && !faulty.has(line.trim()) ? 'line-new' : undefined }, `${line}\n`));
  return el('details', { class: 'part' }, el('summary', {}, `The repaired program (${repaired.file})`), el('pre', { class: 'text', tabindex: '0' }, lines));
}

// The step's file is known by the functions of a capture: its name ends in scenario.lua.
async function faultyLines() {
  const file = known('scenario-file');
  const source = file && await getJsonIfAny(paths.source(file)).catch(() => undefined);
  return source && new Set(source.lines.map((line) => line.trim()));
}

function diagnosisLine({ class: classes = [], where = [], number, also } = {}) {
  const names = (list) => [list].flat().map((name, i) => [i > 0 && ' or ', el('code', {}, name)]);
  const line = el('p', {}, names(classes), ' in ', names(where), number && `; ${number.question} ${number.value} ${number.unit}`);
  return also ? [line, diagnosisLine(also)].flat() : line;
}

async function show() {
  const step = known('status')?.step;
  const isSolved = step !== undefined && progressOf(step)?.solved;
  const key = isSolved ? step : undefined;
  if (key === shown) return;
  shown = key;
  if (!isSolved) {
    fill(box);
    return;
  }
  const solution = await getJsonIfAny(paths.solution).catch(() => undefined);
  if (!solution || shown !== key) return;
  const repaired = await repairedPart(solution);
  fill(box, solution.repair && makeRepair(solution.repair, step), twinPart(solution, step), repaired, el('details', { class: 'part solution', open: true }, el('summary', {}, 'The solution'),
    diagnosisLine(solution.diagnosis), el('div', { class: 'prose' }, markdownNodes(solution.solution ?? '', 3)), commandLine(curlOf({ path: paths.solution })).node));
}

export function makeSolution() {
  box = el('div', {});
  listen('progress', show);
  listen('status', show);
  return box;
}
