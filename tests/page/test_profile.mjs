// SPDX-License-Identifier: MIT
// The decoder of profiles: all forms of the format are read, and what is wrong with a
// file is told; no file makes it hang or throw anything else.
import test from 'node:test';
import assert from 'node:assert/strict';
import { gzipSync } from 'node:zlib';
import { BadProfile, LIMITS, decodeProfile, defaultIndex, framesOf, inflate, readProfile } from '../../src/page/www/profile.js';
import { bytesField, encodeProfile, numberField, textField, varint } from './encode.mjs';

const two = [{ names: ['main', 'work'], values: [3, -(2n ** 62n)] }, { names: ['main'], values: [1, 5] }];
const types = [['alloc', 'count'], ['space', 'bytes']];

test('packed and single numbers are the same', () => {
  const a = decodeProfile(encodeProfile({ types, stacks: two }));
  const b = decodeProfile(encodeProfile({ types, stacks: two, packed: false }));
  assert.deepEqual(a, b);
  assert.deepEqual(a.sampleTypes, [{ type: 'alloc', unit: 'count' }, { type: 'space', unit: 'bytes' }]);
  assert.deepEqual(a.samples[0].values, [3n, -(2n ** 62n)]);
  assert.deepEqual(framesOf(a.samples[0]).map((f) => [f.name, f.file, f.line]), [['main', 'a.lua', 10], ['work', 'a.lua', 20]]);
});

test('all fields of the profile', () => {
  const texts = ['', 'cpu', 'nanoseconds', 'a comment', 'https://example.org/', '/usr/bin/lab', 'key', 'value'];
  const bytes = Uint8Array.from([
    ...texts.flatMap((t) => textField(6, t)),
    ...bytesField(1, [...numberField(1, 1), ...numberField(2, 2)]),
    ...bytesField(2, [...bytesField(1, varint(7)), ...numberField(2, 2n ** 63n - 1n),
      ...bytesField(3, [...numberField(1, 6), ...numberField(2, 7)]), ...bytesField(3, [...numberField(1, 6), ...numberField(3, -1n), ...numberField(4, 2)])]),
    ...bytesField(3, [...numberField(1, 2n ** 64n - 1n), ...numberField(5, 5)]),
    ...bytesField(4, [...numberField(1, 7), ...numberField(2, 2n ** 64n - 1n), ...numberField(3, 2n ** 63n), ...numberField(5, 1)]),
    ...numberField(9, 1700000000000000001n), ...numberField(10, 5), ...bytesField(11, [...numberField(1, 1), ...numberField(2, 2)]),
    ...numberField(12, 10000000), ...numberField(13, 3), ...numberField(14, 1), ...numberField(15, 4),
    ...bytesField(99, [1, 2, 3]), ...varint(100 * 8 + 1), 1, 2, 3, 4, 5, 6, 7, 8, ...varint(101 * 8 + 5), 1, 2, 3, 4,
  ]);
  const p = decodeProfile(bytes);
  assert.equal(p.timeNanos, 1700000000000000001n);
  assert.deepEqual([p.durationNanos, p.period, p.periodType], [5n, 10000000n, { type: 'cpu', unit: 'nanoseconds' }]);
  assert.deepEqual([p.comments, p.defaultSampleType, p.docUrl], [['a comment'], 'cpu', 'https://example.org/']);
  assert.equal(p.samples[0].values[0], 2n ** 63n - 1n);
  assert.deepEqual(p.samples[0].labels, [{ key: 'key', text: 'value', number: 0n, unit: '' }, { key: 'key', text: '', number: -1n, unit: 'nanoseconds' }]);
  const [location] = p.samples[0].stack;
  assert.deepEqual([location.address, location.isFolded, location.frames[0].name], [2n ** 63n, true, '[lab]']);
});

test('gzipped or not', async () => {
  const plain = encodeProfile({ types, stacks: two });
  assert.deepEqual(await readProfile(gzipSync(plain)), decodeProfile(plain));
  assert.deepEqual(await readProfile(plain), decodeProfile(plain));
});

test('the default value, otherwise the last', () => {
  assert.equal(defaultIndex(decodeProfile(encodeProfile({ types }))), 1);
  const further = [...textField(6, 'x'), ...numberField(14, 1)]; // text 1 is "alloc"
  assert.equal(defaultIndex(decodeProfile(encodeProfile({ types, further }))), 0);
});

test('frames that a profile calls uninteresting', () => {
  const stacks = [{ names: ['main', 'malloc', 'grow'], values: [1] }, { names: ['malloc', 'grow'], values: [1] }];
  const plain = encodeProfile({ stacks });
  const pattern = 7; // texts: "", samples, count, main, a.lua, malloc, grow
  const p = decodeProfile(Uint8Array.from([...plain, ...textField(6, 'mall.c|other'), ...numberField(7, pattern)]));
  assert.deepEqual(p.samples.map((s) => framesOf(s).map((f) => f.name)), [['main'], ['malloc', 'grow']]);
});

const bad = {
  'a file that is no profile': [[104, 101, 108, 108, 111], /unknown wire type/],
  'no sample types': [[], /no sample types/],
  'a number that is too long': [[8, ...Array(11).fill(255)], /more than 10 bytes|is a number/],
  'a field longer than the file': [[10, 100, 1], /has 100 bytes, but the file ends/],
  'an unknown wire type': [[11], /unknown wire type 3/],
  'no field number': [[0, 0], /no number/],
  'a location that is missing': [[...encodeProfile({ stacks: [] }), ...bytesField(2, [...numberField(1, 9), ...numberField(2, 1)])], /no location number 9/],
  'a text that is missing': [[...encodeProfile({ stacks: [] }), ...numberField(14, 1000)], /no text number 1000/],
  'too few values': [[...encodeProfile({ types, stacks: [{ names: ['a'], values: [1] }] })], /has 1 values, but there are 2/],
  'two locations of one id': [[...encodeProfile({ stacks: two.map((s) => ({ ...s, values: [1] })) }), ...bytesField(4, numberField(1, 1))], /two locations have the id 1/],
  'a message instead of a number': [[...encodeProfile({}), ...bytesField(9, [1])], /is a message, not a number/],
  'a pattern that can\'t be read': [[...encodeProfile({}), ...textField(6, '('), ...numberField(7, 3)], /pattern/],
};
for (const [name, [bytes, message]] of Object.entries(bad)) {
  test(`refused: ${name}`, () => {
    assert.throws(() => decodeProfile(Uint8Array.from(bytes)), (e) => e instanceof BadProfile && message.test(e.message));
  });
}

test('refused: a damaged gzip, and a bomb', async () => {
  const whole = gzipSync(encodeProfile({ types, stacks: two }));
  for (const size of [3, 12, whole.length - 4]) {
    await assert.rejects(inflate(whole.subarray(0, size)), BadProfile);
  }
  await assert.rejects(inflate(gzipSync(Buffer.alloc(3 << 20)), 1 << 20), /more than 1 MiB/);
  assert.ok(LIMITS.inflated >= 64 << 20);
});

test('a file that ends anywhere, or has any byte changed, is read or refused', () => {
  const whole = encodeProfile({ types, stacks: two });
  const attempt = (bytes) => {
    try {
      decodeProfile(bytes);
    } catch (e) {
      assert.ok(e instanceof BadProfile, String(e.stack));
    }
  };
  for (let i = 0; i < whole.length; i++) {
    attempt(whole.subarray(0, i));
    for (const byte of [0, 1, 127, 128, 255]) {
      const changed = whole.slice();
      changed[i] = byte;
      attempt(changed);
    }
  }
});
