// SPDX-License-Identifier: MIT
// The section "say": the diagnosis as a form, what the lab says to it, hints, and the
// solution when it is found.

import { curlOf, getJsonIfAny, paths, send } from './api.js';
import { checkbox, commandLine, el, emptyState, field, fill, newId, problemNote, setText } from './dom.js';
import { formatClock } from './format.js';
import { makeHints } from './hints.js';
import { bytesOf, isKept, keyOf } from './keep.js';
import { readProfile } from './profile.js';
import { makeSolution } from './solution.js';
import { known, listen, refreshAll } from './state.js';
import { functionNames } from './top.js';
import { showVerdict } from './verdict.js';

const MOST_NAMES = 400;

let classes = [], inputs, second, evidenceBox, names, ruledBox, command, form, result, attempt, step;
let offered = []; // captures, each with its box to tick
const namesByCapture = new Map(); // of functions, by capture

function classSelect(props = {}) {
  return el('select', props, el('option', { value: '' }, '—'), classes.map((c) => el('option', { value: c.class }, c.class)));
}

function meaningOf(name) {
  const found = classes.find((c) => c.class === name);
  return found ? `${found.meaning}. It shows: ${found.shows}.` : 'What kind of fault is it? Choose one, and read what it means.';
}

// ---- completion ---------------------------------------------------------------

async function namesOf(capture) {
  const key = keyOf(capture);
  if (!namesByCapture.has(key)) {
    namesByCapture.set(key, []);
    const profile = await readProfile(await bytesOf(capture)).catch(() => undefined);
    if (profile) namesByCapture.set(key, functionNames(profile));
  }
  return namesByCapture.get(key);
}

async function updateNames(captures) {
  const lists = await Promise.all(captures.filter(isKept).map(namesOf));
  const all = [...new Set(lists.flat())].slice(0, MOST_NAMES);
  fill(names, all.map((name) => el('option', { value: name })));
}

// ---- guesses ------------------------------------------------------------------

// What is wrong, and where. n is '' or '2', as the keys of the answer end.
function makeGuess(n) {
  const what = classSelect({ name: `class${n}`, required: true });
  const where = el('input', { name: `where${n}`, required: true, list: names.id, autocomplete: 'off', spellcheck: 'false', autocapitalize: 'off' });
  const whatField = field('What is wrong?', what, meaningOf(''));
  what.addEventListener('change', () => {
    setText(whatField.querySelector('small'), meaningOf(what.value));
    where.required = what.value !== 'none'; // nothing is to blame then
  });
  return { what, where, fields: [whatField, field('Where is it?', where, 'The function to blame, as profiles print it; those of your captures are offered.')] };
}

// Few steps have two faults, and nobody is told which: so it is offered in each.
function makeSecond() {
  const open = el('button', { type: 'button', id: 'second' }, 'There is a second fault');
  const close = el('button', { type: 'button', 'aria-label': 'Remove the second fault' }, 'Remove');
  const box = el('fieldset', { hidden: true }, el('legend', {}, 'A second fault'));
  let guess;
  const remove = () => {
    guess?.node.remove();
    guess = undefined;
    box.hidden = true;
    open.hidden = false;
  };
  open.addEventListener('click', () => {
    guess = makeGuess('2');
    guess.node = el('div', {}, el('div', { class: 'fields wide' }, guess.fields), close);
    box.append(guess.node);
    box.hidden = false;
    open.hidden = true;
    guess.what.focus();
  });
  close.addEventListener('click', () => {
    remove();
    showCommand();
    open.focus();
  });
  return { nodes: [box, el('div', { class: 'row' }, open)], remove, value: () => guess };
}

// ---- evidence -----------------------------------------------------------------

function ownCaptures() {
  const answer = known('captures');
  return (answer?.captures ?? []).filter((c) => c.attempt === answer.attempt);
}

function checkedEvidence() {
  return [...evidenceBox.querySelectorAll('input:checked')].map((input) => input.value);
}

// A tick stays with its capture, also if another one gets the same id.
function tickedKeys() {
  const ids = new Set(checkedEvidence());
  return new Set(offered.filter((c) => ids.has(c.id)).map(keyOf));
}

function showEvidence() {
  const own = ownCaptures();
  updateNames(own).catch(() => {});
  if (own.length > 0 && own.map(keyOf).join() === offered.map(keyOf).join()) return;
  const ticked = tickedKeys();
  offered = own;
  fill(evidenceBox, own.length === 0 ?
    emptyState('No captures in this visit.', 'An answer is judged on captures: take one under load, in the section above.') :
    own.map((c) => checkbox(`${c.id} ${c.kind} ${formatClock(c.at)}${c.busy_seconds > 0 ? '' : ' (idle)'}`, { value: c.id, checked: ticked.has(keyOf(c)) }).node));
  for (const select of ruledBox.querySelectorAll('select.of-capture')) fillCaptureSelect(select);
  showCommand();
}

function fillCaptureSelect(select) {
  const value = select.value;
  fill(select, ownCaptures().map((c) => el('option', { value: c.id }, `${c.id} ${c.kind}`)));
  if (value) select.value = value;
}

function addRuledOut() {
  const what = classSelect({ 'aria-label': 'Class that is ruled out' });
  const by = el('select', { class: 'of-capture', 'aria-label': 'Capture that speaks against it' });
  fillCaptureSelect(by);
  const remove = el('button', { type: 'button', 'aria-label': 'Remove this line' }, 'Remove');
  const row = el('div', { class: 'row ruled' }, what, el('span', {}, 'because of'), by, remove);
  remove.addEventListener('click', () => {
    row.remove();
    showCommand();
  });
  ruledBox.append(row);
  what.focus();
}

function ruledOut() {
  return [...ruledBox.querySelectorAll('.ruled')].map((row) => [...row.querySelectorAll('select')].map((s) => s.value))
    .filter(([what, by]) => what && by).map(([what, by]) => `${what}:${by}`);
}

// ---- the answer ---------------------------------------------------------------

function answerAction() {
  const other = second.value();
  return { method: 'POST', path: '/lab/answer', form: {
    class: inputs.what.value, where: inputs.where.value.trim(), class2: other?.what.value, where2: other?.where.value.trim(),
    evidence: checkedEvidence(), number: inputs.number.value.trim(), ruled_out: ruledOut(),
  } };
}

function showCommand() {
  command.set(curlOf(answerAction()));
}

// The lab judges for the step that it is in when the answer comes there, and the verdict
// may come when another one runs.
function isOfThisStep(verdict) {
  const status = known('status');
  return !status || verdict.step === step || verdict.step === status.step;
}

async function judge() {
  const asked = step;
  try {
    const verdict = await (await send(answerAction())).json();
    if (isOfThisStep(verdict)) showVerdict(result, verdict);
  } catch (error) {
    if (step === asked) fill(result, problemNote(error.message));
  }
  return step === asked;
}

async function submit(event, button) {
  event.preventDefault();
  button.disabled = true;
  const isSameStep = await judge();
  await refreshAll();
  button.disabled = false;
  if (isSameStep) result.focus();
}

function answerForm() {
  names = el('datalist', { id: newId('names') });
  inputs = { ...makeGuess(''), number: el('input', { name: 'number', autocomplete: 'off' }) };
  second = makeSecond();
  evidenceBox = el('div', { class: 'checks' });
  ruledBox = el('div', {});
  command = commandLine('');
  const more = el('button', { type: 'button' }, 'Rule out a class');
  more.addEventListener('click', addRuledOut);
  const button = el('button', { type: 'submit', class: 'main', id: 'answer' }, 'Say it');
  form = el('form', { class: 'part' },
    el('div', { class: 'fields wide' }, inputs.fields,
      field('A number, if the step asks for one', inputs.number, 'Such as 20ms or 10MB per request.')),
    second.nodes,
    el('fieldset', {}, el('legend', {}, 'Evidence'), evidenceBox),
    el('fieldset', {}, el('legend', {}, 'Ruled out'), ruledBox, more), names,
    el('div', { class: 'row' }, button), command.node);
  form.addEventListener('input', showCommand);
  form.addEventListener('submit', (event) => submit(event, button));
  showCommand();
  return form;
}

// What was said of another visit says nothing of this one.
function clearForAnotherVisit() {
  const now = known('captures')?.attempt;
  if (now !== attempt) fill(ruledBox);
  attempt = now;
}

// While the lab switches it is in a step 0 without a title, also on the way to the healthy
// twin of the same step.
function isBetweenSteps(status) {
  return status.step === 0 && !status.title;
}

// Nor does the answer to another step.
function clearForAnotherStep(status) {
  if (isBetweenSteps(status) || status.step === step) return;
  if (step !== undefined) {
    fill(result);
    form.reset();
    second.remove();
    inputs.what.dispatchEvent(new Event('change'));
    showCommand();
  }
  step = status.step;
}

export async function startSay(box) {
  const vocabulary = await getJsonIfAny(paths.classes).catch(() => undefined);
  classes = vocabulary?.classes ?? [];
  result = el('div', { class: 'verdict-box', tabindex: '-1', 'aria-live': 'polite' });
  fill(box, el('div', { class: 'two' }, el('div', {}, answerForm(), result), makeHints()), makeSolution());
  listen('status', clearForAnotherStep);
  listen('captures', () => {
    clearForAnotherVisit();
    showEvidence();
  });
}
