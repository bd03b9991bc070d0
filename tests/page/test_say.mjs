// SPDX-License-Identifier: MIT
// The answer on the page: its verdict stands under its own step, and its evidence is what
// was ticked.
import test from 'node:test';
import assert from 'node:assert/strict';
import { answer, asked, makeBox, settle } from './dom.mjs';

const { startSay } = await import('../../src/page/www/say.js');
const { tell } = await import('../../src/page/www/state.js');
const { paths } = await import('../../src/page/www/api.js');

const box = makeBox();
const begun = startSay(box);
await answer(paths.classes, { classes: [{ class: 'cpu.hot', meaning: 'a', shows: 'b' }, { class: 'leak.task', meaning: 'c', shows: 'd' }] });
await begun;
const form = box.querySelector('form');
const where = box.querySelector('[name=where]');
const verdict = (step) => ({ step, verdict: 'wrong', gradable: true, score: 0, parts: {}, feedback: `of step ${step}` });
const shown = () => box.querySelector('.verdict')?.textContent;
const enter = (step, title = 'a title') => tell('status', { step, title, since: `${step}` });

async function submit() {
  asked.length = 0;
  form.submit();
  await settle();
}

test('a verdict stands under its step, also in the twin of it', async () => {
  enter(3);
  await submit();
  await answer('/lab/answer', verdict(3), { method: 'POST' });
  assert.match(shown(), /of step 3/);
  enter(0, ''); // on the way
  enter(3);
  assert.match(shown(), /of step 3/);
});

test('it is gone in the next step, and in step 0', async () => {
  where.value = 'f';
  enter(5);
  assert.equal(shown(), undefined);
  assert.equal(where.value, '');
  await submit();
  await answer('/lab/answer', verdict(5), { method: 'POST' });
  assert.match(shown(), /of step 5/);
  enter(0, 'All is well');
  assert.equal(shown(), undefined);
});

test('one that comes late is not shown under the next step', async () => {
  enter(3);
  await submit();
  enter(5);
  await answer('/lab/answer', verdict(3), { method: 'POST' });
  assert.equal(shown(), undefined);
  await submit();
  enter(3);
  await answer('/lab/answer', 'no, not so', { method: 'POST', status: 400 });
  assert.equal(box.querySelector('.problem'), null, 'nor what was wrong with it');
  await submit();
  await answer('/lab/answer', verdict(5), { method: 'POST' }); // the lab is there already
  assert.equal(shown(), undefined);
});

const captures = (attempt, kind) => ({ attempt, captures: [{ id: 'c1', kind, attempt, at: '2026-01-01T00:00:00Z', busy_seconds: 1 }] });
const evidence = () => box.querySelector('.checks');

test('a tick and a label are those of the capture, not of its id', () => {
  tell('captures', captures('aa', 'heap'));
  evidence().querySelector('input').checked = true;
  tell('captures', captures('aa', 'heap'));
  assert.ok(evidence().querySelector('input').checked, 'the same list');
  tell('captures', { ...captures('aa', 'heap'), captures: [...captures('aa', 'heap').captures, { ...captures('aa', 'profile').captures[0], id: 'c2' }] });
  assert.deepEqual(evidence().querySelectorAll('input').map((input) => input.checked), [true, false]);
  assert.match(form.querySelector('.command code').textContent, /-d evidence=c1 /);
  tell('captures', captures('bb', 'goroutine')); // of another lab
  assert.match(evidence().textContent, /^c1 goroutine/);
  assert.ok(!evidence().querySelector('input').checked);
  assert.doesNotMatch(form.querySelector('.command code').textContent, /evidence/);
});
