// SPDX-License-Identifier: MIT
// What the page knows of the progress: what is written down, and what only the lab knows.
import test from 'node:test';
import assert from 'node:assert/strict';
import { readDone, solvedText } from '../../src/page/www/done.js';

const written = (step, further) => ({ step, visits: 2, score: 30, solved: false, ...further });

test('what was solved in a lab that keeps nothing is solved', () => {
  const { kept, steps, dropped, problem } = readDone({ kept: false, solved: [5, 3], progress: null, problem: 'no folder' });
  assert.deepEqual([kept, dropped, problem], [false, 0, 'no folder']);
  assert.deepEqual(steps.map((s) => [s.step, s.solved, solvedText(s)]), [[3, true, 'solved'], [5, true, 'solved']]);
});

test('what is written down goes on, with its score', () => {
  const progress = { dropped: 1, steps: [written(3, { score: 90, solved: true }), written(5)] };
  const { steps, dropped } = readDone({ kept: true, solved: [3], progress });
  assert.deepEqual(steps, progress.steps);
  assert.equal(dropped, 1);
  assert.equal(solvedText(steps[0]), 'solved · 90');
});

test('a step of which the lab knows more than the file', () => {
  const { steps } = readDone({ kept: false, solved: [5], progress: { dropped: 0, steps: [written(2), written(5)] } });
  assert.deepEqual(steps.map((s) => [s.step, s.visits, s.solved, s.score]), [[2, 2, false, 30], [5, 2, true, undefined]]);
});
