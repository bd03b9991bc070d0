// SPDX-License-Identifier: MIT
// What comes after a step is solved: to repair it, its solution, and the healthy twin to
// compare with.

import { curlOf, getJson, getJsonIfAny, gotoAction, paths } from './api.js';
import { commandLine, el, fill, problemNote } from './dom.js';
import { markdownNodes } from './markdown.js';
import { makeRepair } from './repair.js';
import { known, listen, progressOf } from './state.js';
import { enterBy } from './visit.js';

const FAILED = -1; // no step's number

let box;
let shown; // the step whose solution is there or under way, undefined, or FAILED

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

function solvedStep() {
  const step = known('status')?.step;
  return progressOf(step)?.solved ? step : undefined;
}

// The lab answers for the step that runs, which may be another one by now.
async function getSolution(step) {
  const solution = await getJson(paths.solution);
  if (solution.step !== step) throw new Error('the lab has entered another step');
  return { ...solution, repaired: await repairedPart(solution) };
}

function fillSolution(solution, step) {
  fill(box, solution.repair && makeRepair(solution.repair, step), twinPart(solution, step), solution.repaired, el('details', { class: 'part solution', open: true }, el('summary', {}, 'The solution'),
    diagnosisLine(solution.diagnosis), el('div', { class: 'prose' }, markdownNodes(solution.solution ?? '', 3)), commandLine(curlOf({ path: paths.solution })).node));
}

// One that doesn't come is asked for again at the next change: that of the step, or that
// the lab is back.
async function show() {
  const step = solvedStep();
  if (step === shown) return;
  shown = step;
  fill(box);
  if (step === undefined) return;
  try {
    const solution = await getSolution(step);
    if (shown === step) fillSolution(solution, step);
  } catch (error) {
    if (shown !== step) return;
    shown = FAILED;
    fill(box, problemNote(`The solution can't be shown now: ${error.message}`));
  }
}

export function makeSolution() {
  box = el('div', {});
  listen('progress', show);
  listen('status', show);
  return box;
}
