// SPDX-License-Identifier: MIT
// The section "see": one request, or a load; how long answers take, and which they are.

import { curlOf, getJsonIfAny, paths, profilePath, Refused, send } from './api.js';
import { checkbox, commandLine, el, emptyState, field, fill, problemNote, setText } from './dom.js';
import { formatSeconds } from './format.js';
import { drawHistogram } from './histogram.js';
import { SINCE_LOAD } from './kinds.js';
import { known, listen, presentStep, tell } from './state.js';
import { takeCapture } from './visit.js';

const PATIENCE = 30; // seconds that one request may take
const POLL = 1000;

const NUMBERS = [['requests', 'Requests', 1], ['clients', 'Clients', 1], ['rate', 'Rate per second', 0], ['seconds', 'Seconds', 0]];

let figures, histogram, statuses, startButton, stopButton, problem, isPolling = false;

// ---- one request --------------------------------------------------------------

function describeAnswer(answer, text, seconds) {
  return [el('span', { class: `status s${String(answer.status)[0]}` }, String(answer.status)),
    el('span', { class: 'figure' }, formatSeconds(seconds)), el('code', {}, text.slice(0, 200).trim() || '(empty)')];
}

async function sendOne(button, output) {
  button.disabled = true;
  const began = performance.now();
  const waiting = setInterval(() => setText(output, `waiting for ${formatSeconds(Math.floor((performance.now() - began) / 1000))}…`), 1000);
  fill(output, 'waiting…');
  try {
    const answer = await fetch('/', { cache: 'no-store', signal: AbortSignal.timeout(PATIENCE * 1000) });
    fill(output, describeAnswer(answer, await answer.text(), (performance.now() - began) / 1000));
  } catch (error) {
    fill(output, error.name === 'TimeoutError' ? `No answer within ${PATIENCE} s: it was given up.` : 'The lab has closed the connection.');
  }
  clearInterval(waiting);
  button.disabled = false;
}

function requestPart() {
  const output = el('div', { class: 'answer-line', role: 'status' }, 'Nothing was sent yet.');
  const button = el('button', { type: 'button', class: 'main', id: 'send-one' }, 'Send one request');
  button.addEventListener('click', () => sendOne(button, output));
  return el('div', { class: 'part' }, el('div', { class: 'row' }, button, output), commandLine(curlOf({ path: '/' })).node);
}

// ---- a load -------------------------------------------------------------------

function statusRows(state) {
  const rows = Object.entries(state.status ?? {}).map(([code, n]) => [code, n, `s${code[0]}`]);
  if (state.timeouts) rows.push(['no answer in time', state.timeouts, 's5']);
  if (state.errors) rows.push(['broken connection', state.errors, 's5']);
  return rows.filter(([, n]) => n > 0);
}

function showLoad(state) {
  startButton.disabled = Boolean(state.running);
  stopButton.disabled = !state.running;
  if (!state.running && !state.sent) return;
  const numbers = [['sent', state.sent], ['answered', state.answered], ['p50', formatSeconds(state.p50_s ?? 0)],
    ['p90', formatSeconds(state.p90_s ?? 0)], ['p99', formatSeconds(state.p99_s ?? 0)], ['longest', formatSeconds(state.max_s ?? 0)]];
  fill(figures, numbers.map(([name, value]) => el('div', { class: 'number-box' }, el('span', {}, name), el('b', {}, String(value)))));
  drawHistogram(histogram, state);
  const rows = statusRows(state), all = rows.reduce((sum, [, n]) => sum + n, 0);
  fill(statuses, rows.map(([name, n, kind]) => el('div', { class: 'status-row' },
    el('span', { class: `status ${kind}` }, name), el('meter', { min: 0, max: all, value: n, 'aria-label': name }), el('span', { class: 'figure' }, String(n)))));
}

// Where events come, the state comes with them.
async function followLoad() {
  if (isPolling) return;
  isPolling = true;
  for (;;) {
    const state = await getJsonIfAny(paths.load).catch(() => undefined);
    if (state) tell('load', state);
    if (!state?.running) break;
    await new Promise((resolve) => setTimeout(resolve, POLL));
  }
  isPolling = false;
}

async function captureBefore() {
  const ids = {};
  for (const kind of SINCE_LOAD) ids[kind] = (await takeCapture(profilePath(kind))).id;
  tell('load-began', { attempt: known('captures').attempt, ids });
}

async function guard(action) {
  fill(problem);
  try {
    await action();
  } catch (error) {
    fill(problem, problemNote(error.message));
  }
}

function loadForm() {
  const inputs = NUMBERS.map(([name, label, least]) => {
    const input = el('input', { type: 'number', name, min: String(least), step: 'any', inputmode: 'numeric' });
    return { name, input, node: field(label, input) };
  });
  const before = checkbox('First capture heap, goroutine, mutex and block, to compare with them later');
  const command = commandLine('');
  startButton = el('button', { type: 'submit', class: 'main', id: 'load-start' }, 'Start the load');
  stopButton = el('button', { type: 'button', id: 'load-stop', disabled: true }, 'Stop');
  const form = el('form', { class: 'part' },
    el('p', { class: 'quiet' }, 'The lesson\'s load makes the symptom show. Empty fields are the lesson\'s.'),
    el('div', { class: 'fields' }, inputs.map((i) => i.node)), before.node,
    el('div', { class: 'row' }, startButton, stopButton), command.node);
  const action = () => ({ method: 'POST', path: paths.load, form: Object.fromEntries(inputs.map(({ name, input }) => [name, input.value])) });
  const showCommand = () => command.set(curlOf(action()));
  form.addEventListener('input', showCommand);
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    guard(async () => {
      startButton.disabled = true;
      try {
        if (before.box.checked) await captureBefore();
        await send(action());
      } catch (error) {
        startButton.disabled = false;
        throw error;
      }
      followLoad();
    });
  });
  stopButton.addEventListener('click', () => guard(async () => {
    await send({ method: 'DELETE', path: paths.load });
    followLoad();
  }));
  showCommand();
  listen('steps', () => showDefaults(inputs));
  listen('status', () => showDefaults(inputs));
  return form;
}

// The lesson's numbers stand beside the fields' names.
function showDefaults(inputs) {
  const load = presentStep()?.load ?? {};
  for (const { name, node } of inputs) {
    const label = NUMBERS.find(([key]) => key === name)[1];
    setText(node.querySelector('label'), load[name] ? `${label} (${load[name]})` : label);
  }
}

/** Nothing of the load is shown where the lab can't send one. */
export async function startSee(box) {
  problem = el('div', {});
  fill(box, requestPart(), problem);
  const state = await getJsonIfAny(paths.load).catch((error) => error instanceof Refused ? undefined : null);
  if (!state) return;
  figures = el('div', { class: 'numbers' });
  histogram = el('div', { class: 'histogram-box' }, emptyState('No load was sent yet.', 'Start one, and see how long the answers take.'));
  statuses = el('div', { class: 'statuses' });
  fill(box, requestPart(), loadForm(), problem, el('div', { class: 'part results' }, figures, histogram, statuses));
  listen('load', showLoad);
  tell('load', state);
  if (state.running) followLoad();
}
