// SPDX-License-Identifier: MIT
// What the browser keeps of captures, where its storage is forbidden, full or damaged.
import test from 'node:test';
import assert from 'node:assert/strict';

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
