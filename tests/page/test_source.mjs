// SPDX-License-Identifier: MIT
// The source beside a flame graph: that of the function that was chosen last.
import test from 'node:test';
import assert from 'node:assert/strict';
import { answer, asked, makeBox, settle } from './dom.mjs';
import { encodeProfile } from './encode.mjs';

const { paths } = await import('../../src/page/www/api.js');
const { decodeProfile } = await import('../../src/page/www/profile.js');
const { forgetSources, showSource } = await import('../../src/page/www/sourceview.js');
const { topRows } = await import('../../src/page/www/top.js');

const FILE = '/x/scenario.lua';
const profile = decodeProfile(encodeProfile({ stacks: [{ names: ['x.first', 'x.second'], values: [3] }], file: FILE }));
const rowOf = (name) => topRows(profile, 0, 'cum').find((row) => row.name === name);
const source = (word) => ({ file: FILE, lines: Array(30).fill(word) });
const box = makeBox();

test('an answer that comes late does not replace that of the next choice', async () => {
  forgetSources({ step: 3, since: 'a' });
  showSource(box, profile, 0, rowOf('x.first'));
  showSource(box, profile, 0, rowOf('x.second'));
  await settle();
  asked.reverse();
  await answer(paths.source(FILE), source('line'));
  assert.match(box.textContent, /^x\.second/);
  await answer(paths.source(FILE), source('line'));
  assert.match(box.textContent, /^x\.second/);
});

test('lines of a visit that is over are not kept for the next one', async () => {
  forgetSources({ step: 3, since: 'b' });
  showSource(box, profile, 0, rowOf('x.first'));
  await settle();
  forgetSources({ step: 3, since: 'c' });
  await answer(paths.source(FILE), source('old'));
  showSource(box, profile, 0, rowOf('x.first'));
  await answer(paths.source(FILE), source('new'));
  assert.match(box.textContent, /new/);
  assert.doesNotMatch(box.textContent, /old/);
});
