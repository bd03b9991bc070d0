// SPDX-License-Identifier: MIT
// Hints on the page: each once and in its turn, whoever clicks how often, and when.
import test from 'node:test';
import assert from 'node:assert/strict';
import { answer, asked, countAsked, makeBox, settle } from './dom.mjs';

const { makeHints } = await import('../../src/page/www/hints.js');
const { tell } = await import('../../src/page/www/state.js');
const { paths } = await import('../../src/page/www/api.js');

const box = makeBox();
box.append(makeHints());
const button = box.querySelector('#next-hint');
const shown = () => box.querySelectorAll('li.hint').map((item) => item.textContent);
const hint = (step, n, more = true) => ({ format: 'diaglab-hint/1', step, n, more, hint: `hint ${n} of ${step}` });

function enter(step, since) {
  asked.length = 0;
  tell('steps', { steps: [{ number: 3, hints: 2 }, { number: 5, hints: 2 }] });
  tell('status', { step, since });
}

test('two clicks are one question', async () => {
  enter(3, 'a');
  button.click();
  button.click();
  await settle();
  assert.equal(countAsked(paths.hint(1)), 1);
  await answer(paths.hint(1), hint(3, 1));
  button.click();
  await answer(paths.hint(2), hint(3, 2, false));
  assert.deepEqual(shown(), ['hint 1 of 3', 'hint 2 of 3']);
  assert.ok(button.disabled);
});

test('after a refusal the same hint can be asked for again', async () => {
  enter(3, 'b');
  button.click();
  await answer(paths.hint(1), 'Try first what hint 0 asks.', { status: 429 });
  assert.match(box.textContent, /Try first/);
  button.click();
  await answer(paths.hint(1), hint(3, 1));
  assert.deepEqual(shown(), ['hint 1 of 3']);
});

test('the hint of a step that was left is not shown under the next one', async () => {
  enter(3, 'c');
  button.click();
  await settle();
  const late = asked.splice(0, asked.length);
  enter(5, 'd');
  button.click();
  await settle();
  asked.unshift(...late);
  await answer(paths.hint(1), hint(3, 1));
  assert.deepEqual(shown(), []);
  await answer(paths.hint(1), hint(5, 1));
  assert.deepEqual(shown(), ['hint 1 of 5']);
});

test('nor that of a step which the page does not know yet', async () => {
  enter(3, 'e');
  button.click();
  await answer(paths.hint(1), hint(5, 1));
  assert.deepEqual(shown(), []);
});
