// SPDX-License-Identifier: MIT
// What the browser keeps of captures, where its storage is forbidden, full or damaged.
import test from 'node:test';
import assert from 'node:assert/strict';
import { answer } from './dom.mjs';

const { paths } = await import('../../src/page/www/api.js');
const keep = await import('../../src/page/www/keep.js');
const PREFIX = 'diaglab capture ';
const captureOf = (id) => ({ id, attempt: 'aa' });

function setStorage(get) {
  Object.defineProperty(globalThis, 'sessionStorage', { configurable: true, get });
}

// As a browser has it: the names are its own keys. It has room for so many values.
class Storage {
  static make(items, room = 100) {
    const storage = new Storage();
    Object.assign(storage, items);
    Object.defineProperty(storage, 'room', { value: room });
    return storage;
  }

  getItem(name) { return this[name] ?? null; }

  removeItem(name) { delete this[name]; }

  setItem(name, value) {
    if (Object.keys(this).length >= this.room) throw new Error('QuotaExceededError');
    this[name] = value;
  }
}

test('a storage that is forbidden: the page begins, and keeps what it has seen for itself', () => {
  setStorage(() => { throw new Error('SecurityError'); });
  keep.restoreKept();
  keep.keepBytes(captureOf('c1'), Uint8Array.of(1));
  assert.ok(keep.isKept(captureOf('c1')));
});

test('of what is stored, that which is damaged is left out', async () => {
  const storage = Storage.make({ [`${PREFIX}aa c7`]: '%%%', [`${PREFIX}aa c8`]: btoa('AB'), other: '%%%' });
  setStorage(() => storage);
  keep.restoreKept();
  assert.ok(!keep.isKept(captureOf('c7')));
  assert.deepEqual(await keep.bytesOf(captureOf('c8')), Uint8Array.of(65, 66));
  assert.deepEqual(Object.keys(storage), [`${PREFIX}aa c8`, 'other']);
});

test('where it is full, the oldest goes', () => {
  const storage = Storage.make({}, 1);
  setStorage(() => storage);
  keep.keepBytes(captureOf('c20'), Uint8Array.of(1));
  keep.keepBytes(captureOf('c21'), Uint8Array.of(2));
  assert.deepEqual(Object.keys(storage), [`${PREFIX}aa c21`]);
  assert.ok(keep.isKept(captureOf('c20')), 'this page still has it');
});

test('the bytes of another lab\'s capture are not taken for those of this one', async () => {
  const capture = { id: 'c30', attempt: 'aa' };
  const foreign = assert.rejects(keep.bytesOf(capture), /another capture by now/);
  await answer(paths.capture('c30'), Uint8Array.of(9), { headers: { ETag: '"bb-c30"' } });
  await foreign;
  assert.ok(!keep.isKept(capture));
  const own = keep.bytesOf(capture);
  await answer(paths.capture('c30'), Uint8Array.of(7), { headers: { ETag: '"aa-c30"' } });
  assert.deepEqual(await own, Uint8Array.of(7));
});
