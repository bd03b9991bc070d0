// SPDX-License-Identifier: MIT
// The solution on the page: it comes when the step is solved, whatever goes wrong on the
// way, and never under another step.
import test from 'node:test';
import assert from 'node:assert/strict';
import { answer, asked, countAsked, fail, makeBox, settle } from './dom.mjs';

const { makeSolution } = await import('../../src/page/www/solution.js');
const { tell } = await import('../../src/page/www/state.js');
const { paths } = await import('../../src/page/www/api.js');

const box = makeBox();
box.append(makeSolution());
const solution = (step) => ({ step, diagnosis: { class: ['cpu.hot'], where: [`f${step}`] }, solution: 'text', twin: `/goto?step=${step}&x=1` });

async function solved(...numbers) {
  tell('progress', { steps: numbers.map((step) => ({ step, solved: true })) });
  await settle();
}

async function enter(step) {
  tell('status', { step, since: 'a' });
  await settle();
}

test('it comes when the step is solved, and goes when the progress begins anew', async () => {
  await enter(3);
  await solved();
  assert.equal(countAsked(paths.solution), 0);
  await solved(3);
  await answer(paths.solution, solution(3));
  assert.match(box.textContent, /cpu\.hot in f3/);
  assert.ok(box.querySelector('#enter-twin'));
  await solved(3);
  assert.equal(asked.length, 0, 'it is there already');
  await solved();
  assert.equal(box.textContent, '');
});

test('one that fails is told, and asked for again at the next change', async () => {
  await solved(3);
  await fail(paths.solution);
  assert.match(box.textContent, /can't be reached/);
  await enter(3);
  await answer(paths.solution, solution(3));
  assert.match(box.textContent, /cpu\.hot in f3/);
  await solved();
  await solved(3);
  await fail(paths.solution);
  await enter(4);
  assert.equal(box.textContent, '', 'what went wrong is that of another step');
});

test('that of another step is not shown', async () => {
  await enter(3);
  await solved(3, 5);
  await answer(paths.solution, solution(5)); // the lab is there already
  assert.doesNotMatch(box.textContent, /f5/);
  await enter(5);
  const [late] = asked.splice(0, 1);
  await enter(3);
  asked.push(late);
  await answer(paths.solution, solution(3));
  await answer(paths.solution, solution(5));
  assert.match(box.textContent, /f3/);
  assert.doesNotMatch(box.textContent, /f5/);
});
