// SPDX-License-Identifier: MIT
// What the page knows of the lab, when answers overtake each other.
import test from 'node:test';
import assert from 'node:assert/strict';

let asked = []; // { path, answer(body) }
globalThis.location = { origin: 'http://localhost:6060' };
globalThis.fetch = (path) => new Promise((resolve) => {
  asked.push({ path, answer: (body) => resolve({ ok: true, status: 200, json: async () => body }) });
});
const { known, listen, refreshAll, refreshCaptures } = await import('../../src/page/www/state.js');
const { paths } = await import('../../src/page/www/api.js');

/** Answers the oldest question for the path. */
function answer(path, body) {
  const i = asked.findIndex((question) => question.path === path);
  assert.ok(i >= 0, `nobody has asked for ${path}`);
  asked.splice(i, 1)[0].answer(body);
}

test('a list that is older than the one that is known is dropped', async () => {
  const seen = [];
  listen('captures', (list) => seen.push(list.captures));
  const all = refreshAll();
  for (const path of [paths.status, paths.progress]) answer(path, { step: 3, steps: [] });
  answer(paths.captures, { captures: ['c1'] });
  const one = refreshCaptures(); // /steps isn't answered yet
  answer(paths.captures, { captures: ['c1', 'c2'] });
  await one;
  answer(paths.steps, { steps: [{ number: 3 }] });
  await all;
  assert.deepEqual(seen, [['c1', 'c2']]);
  assert.deepEqual(known('captures').captures, ['c1', 'c2']);
  assert.deepEqual(known('steps').steps, [{ number: 3 }], 'the rest of the answers is news');
});

test('the second question is answered first', async () => {
  asked = [];
  const first = refreshCaptures(), second = refreshCaptures();
  asked.pop().answer({ captures: ['new'] });
  await second;
  asked.pop().answer({ captures: ['old'] });
  await first;
  assert.deepEqual(known('captures').captures, ['new']);
});
