// SPDX-License-Identifier: MIT
// Captures on the page, when the lab is another one than that which has listed them.
import test from 'node:test';
import assert from 'node:assert/strict';
import { answer, asked, countAsked, makeBox, settle } from './dom.mjs';

const { makeCaptureList } = await import('../../src/page/www/capturelist.js');
const { known, tell } = await import('../../src/page/www/state.js');
const { paths } = await import('../../src/page/www/api.js');
const { takeCapture } = await import('../../src/page/www/visit.js');

const box = makeBox();
box.append(makeCaptureList());
const c1 = paths.capture('c1');

const listOf = (attempt, ...kinds) => ({
  attempt, captures: kinds.map((kind, i) => ({ id: `c${i + 1}`, kind, attempt, step: 3, slug: 'archive', at: '2026-01-01T00:00:00Z', seconds: 1, busy_seconds: 1, requests: 1, bytes: 5, kept: true })),
});

async function clickForget() {
  asked.length = 0;
  box.querySelector('[aria-label="Forget c1"]').click();
  await settle();
}

test('a capture is forgotten', async () => {
  tell('captures', listOf('aa', 'heap'));
  await clickForget();
  await answer(paths.captures, listOf('aa', 'heap'));
  await answer(c1, 'forgotten', { method: 'DELETE' });
  await answer(paths.captures, listOf('aa'));
  assert.equal(known('captures').captures.length, 0);
});

test('a row that is left of a lab that has ended forgets nothing of the next one', async () => {
  tell('captures', listOf('aa', 'heap'));
  await clickForget();
  await answer(paths.captures, listOf('bb', 'profile'));
  assert.equal(countAsked(c1, 'DELETE'), 0);
  assert.match(box.querySelector('tbody').textContent, /c1profile/, 'the list is the new lab\'s');
});

test('the first capture of a new lab is found, though the id is known', async () => {
  tell('captures', listOf('aa', 'heap'));
  asked.length = 0;
  const taken = takeCapture('/debug/pprof/heap');
  await settle();
  await answer(paths.captures, listOf('aa', 'heap'));
  await answer('/debug/pprof/heap', Uint8Array.of(1));
  await answer(paths.captures, listOf('cc', 'heap'));
  assert.equal((await taken).attempt, 'cc');
});
