// SPDX-License-Identifier: MIT
// Hints, one at a time, each with the question in which it ends.

import { curlOf, getJson, paths } from './api.js';
import { announce, commandLine, el, fill, problemNote, setText } from './dom.js';
import { inlineNodes, splitQuestion } from './markdown.js';
import { known, listen, presentStep, refreshProgress } from './state.js';

let list, button, command, note, none, visit, told = 0, hasMore = true;
let asking; // the visit for which a hint is under way

function hintNode(text) {
  const [before, question] = splitQuestion(text);
  return el('li', { class: 'hint' }, el('p', {}, inlineNodes(before)), question && el('p', { class: 'question' }, inlineNodes(question)));
}

function update() {
  const count = presentStep()?.hints ?? 0;
  command.set(curlOf({ path: paths.hint(told + 1) }));
  button.disabled = count === 0 || !hasMore;
  setText(button, told === 0 ? 'First hint' : hasMore ? 'Next hint' : 'That was the last hint');
  setText(none, count === 0 ? 'This step has no hints.' : '');
}

// Another hint than the next one would be shown twice, or in the wrong place.
function take(answer) {
  refreshProgress().catch(() => {});
  if (answer.step !== known('status').step || answer.n !== told + 1) return;
  told = answer.n;
  hasMore = answer.more;
  list.append(hintNode(answer.hint));
  announce(answer.hint);
}

async function ask() {
  try {
    return { answer: await getJson(paths.hint(told + 1)) };
  } catch (error) {
    return { problem: error.message };
  }
}

// The button keeps the focus, so it isn't disabled: one question at a time. What comes
// when another visit has begun is no answer to it.
async function tellNext() {
  const mine = visit;
  if (asking === mine) return;
  asking = mine;
  button.setAttribute('aria-busy', 'true');
  fill(note);
  const { answer, problem } = await ask();
  if (visit !== mine) return;
  asking = undefined;
  button.removeAttribute('aria-busy');
  if (answer) take(answer);
  else fill(note, problemNote(problem));
  update();
}

function showVisit(status) {
  const key = `${status.step} ${status.since}`;
  if (key === visit) return;
  visit = key;
  asking = undefined;
  button.removeAttribute('aria-busy');
  told = 0;
  hasMore = true;
  fill(list);
  fill(note);
  update();
}

export function makeHints() {
  list = el('ol', { class: 'hints' });
  note = el('div', {});
  none = el('p', { class: 'quiet' });
  command = commandLine('');
  button = el('button', { type: 'button', id: 'next-hint' }, 'First hint');
  button.addEventListener('click', tellNext);
  listen('status', showVisit);
  listen('steps', update);
  return el('div', { class: 'part' }, el('h3', {}, 'Hints'), el('p', { class: 'quiet' }, 'Each one ends in a question. Try to answer it before you ask for the next.'),
    list, el('div', { class: 'row' }, button), none, note, command.node);
}
