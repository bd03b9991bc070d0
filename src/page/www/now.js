// SPDX-License-Identifier: MIT
// The section "now": which step runs, since when, with which parameters; it can be
// entered anew, with others.

import { curlOf, gotoAction } from './api.js';
import { solvedText } from './done.js';
import { commandLine, el, field, fill, problemNote, setText } from './dom.js';
import { formatSince } from './format.js';
import { known, listen, presentStep, progressOf } from './state.js';
import { enterBy } from './visit.js';

let since, linkNote, shownVisit;

function inputFor(name, value, meaning) {
  const input = el('input', { name, value: String(value), autocomplete: 'off', spellcheck: 'false' });
  return { name, input, node: field(name, input, meaning) };
}

// The lab begins with the defaults: what the step has now isn't what it has then. Where
// no default is known, what the field shows is sent.
function paramsToSend(inputs, about) {
  return Object.fromEntries(inputs.filter(({ name, input }) => !about.has(name) || input.value !== String(about.get(name).default))
    .map(({ name, input }) => [name, input.value]));
}

function buildForm(step, params, about) {
  const inputs = Object.entries(params).map(([name, value]) => inputFor(name, value, about.get(name)?.meaning));
  const command = commandLine('');
  const problem = el('div', {});
  const action = () => gotoAction(step, paramsToSend(inputs, about));
  const showCommand = () => command.set(curlOf(action()));
  const form = el('form', { class: 'params' }, inputs.map((i) => i.node),
    el('div', { class: 'row' }, el('button', { type: 'submit' }, 'Enter the step anew')), command.node, problem);
  form.addEventListener('input', showCommand);
  let isEntering = false; // a second click on the way would be a second visit
  form.addEventListener('submit', async (event) => {
    event.preventDefault();
    if (isEntering) return;
    isEntering = true;
    fill(problem);
    try {
      await enterBy(action());
    } catch (error) {
      fill(problem, problemNote(error.message));
    }
    isEntering = false;
  });
  showCommand();
  return form;
}

// By name: { default, meaning }.
function parametersOf(step) {
  return new Map((step?.parameters ?? []).map((p) => [p.name, p]));
}

function describe(status, step) {
  const done = progressOf(status.step);
  return [
    el('div', { class: 'now-head' },
      el('span', { class: 'number' }, `Step ${status.step}`),
      el('h3', {}, step?.title || status.title || status.slug),
      done?.solved && el('span', { class: 'chip solved' }, solvedText(done)),
      status.fixed && el('span', { class: 'chip twin' }, 'healthy twin')),
    step?.symptom && el('p', { class: 'symptom' }, step.symptom),
  ];
}

function show(box) {
  const status = known('status');
  if (!status) return;
  const done = progressOf(status.step);
  const visit = JSON.stringify([status.step, status.since, presentStep(), done?.solved, done?.score]);
  setText(since, `running for ${formatSince((Date.now() - Date.parse(status.since)) / 1000)}`);
  if (visit === shownVisit) return;
  shownVisit = visit;
  const params = status.params ?? {};
  const form = el('details', { class: 'more' }, el('summary', {}, Object.keys(params).length ? 'Parameters, reset' : 'Reset'));
  fill(box, describe(status, presentStep()), el('div', { class: 'row quiet' }, since, linkNote), form);
  form.append(buildForm(status.step, params, parametersOf(presentStep())));
}

function showLink(link) {
  const text = link.isUp ? '' : 'The lab can\'t be reached; trying again…';
  setText(linkNote, text);
  linkNote.hidden = link.isUp;
}

export function startNow(box) {
  since = el('span', { class: 'since' });
  linkNote = el('span', { class: 'lost', role: 'status', hidden: true });
  for (const name of ['status', 'steps', 'progress', 'sample']) listen(name, () => show(box));
  listen('link', showLink);
}
