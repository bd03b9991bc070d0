// SPDX-License-Identifier: MIT
// What the page asks for when the lab tells that something has happened.
import test from 'node:test';
import assert from 'node:assert/strict';
import { answer, asked, countAsked, settle } from './dom.mjs';

const sources = [];
globalThis.EventSource = class extends EventTarget {
  constructor() {
    super();
    sources.push(this);
  }

  close() {}
};
const { startStream } = await import('../../src/page/www/stream.js');
const { paths } = await import('../../src/page/www/api.js');

async function happens(kind) {
  asked.length = 0;
  const data = JSON.stringify({ at: 1, kind, text: 'text' });
  sources[0].dispatchEvent(Object.assign(new Event('mark'), { data }));
  await settle();
}

test('each mark that changes something is noticed', async () => {
  startStream();
  await settle();
  await answer(paths.stream, '', { headers: { 'Content-Type': 'text/event-stream' } });
  for (const kind of ['capture', 'hint', 'repair', 'reset', 'answer', 'goto']) {
    await happens(kind);
    assert.equal(countAsked(paths.progress), 1, kind);
    assert.equal(countAsked(paths.steps), ['answer', 'goto'].includes(kind) ? 1 : 0, kind);
  }
  await happens('load');
  assert.equal(asked.length, 0);
});
