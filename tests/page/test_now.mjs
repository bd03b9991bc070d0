// SPDX-License-Identifier: MIT
// The step that runs, on the page: it is entered anew with what the form shows.
import test from 'node:test';
import assert from 'node:assert/strict';
import { asked, makeBox, settle } from './dom.mjs';

const { startNow } = await import('../../src/page/www/now.js');
const { tell } = await import('../../src/page/www/state.js');

const box = makeBox();
const parameters = [{ name: 'rounds', default: 100, meaning: 'how often' }, { name: 'size', default: 10000000, meaning: 'bytes' }];
startNow(box);
tell('steps', { steps: [{ number: 3, title: 'Archive', parameters }, { number: 4, title: 'Other' }] });

function enter(step, since, params) {
  asked.length = 0;
  tell('status', { step, since, params, slug: 'x', title: 'x' });
}

// What is sent, and the command beside the form.
async function enterAnew() {
  const command = box.querySelector('form .command code').textContent;
  box.querySelector('form').submit();
  box.querySelector('form').submit(); // two clicks are one visit
  await settle();
  assert.deepEqual(asked.map((question) => question.method), ['POST']);
  return [asked[0].path, command];
}

test('what was entered with other numbers is entered with them again', async () => {
  enter(3, '2026-01-01T00:00:00Z', { rounds: 1, size: 10000000 });
  assert.deepEqual(await enterAnew(), ['/goto?step=3&rounds=1', 'curl -X POST \'http://localhost:6060/goto?step=3&rounds=1\'']);
});

test('a field that is changed to the default', async () => {
  enter(3, '2026-01-01T00:00:01Z', { rounds: 1, size: 2 });
  const form = box.querySelector('form');
  form.querySelector('[name=rounds]').value = '100';
  form.dispatchEvent(new Event('input'));
  assert.equal((await enterAnew())[0], '/goto?step=3&size=2');
});

test('all is sent of which no default is known', async () => {
  enter(4, '2026-01-01T00:00:02Z', { word: 'undefined', n: 5 });
  assert.equal((await enterAnew())[0], '/goto?step=4&word=undefined&n=5');
});

test('that the step is solved shows, also without a score', () => {
  enter(3, '2026-01-01T00:00:03Z', {});
  assert.equal(box.querySelector('.solved'), null);
  tell('progress', { steps: [{ step: 3, solved: true }] });
  assert.equal(box.querySelector('.solved').textContent, 'solved');
});
