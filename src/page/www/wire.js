// SPDX-License-Identifier: MIT
// Protocol buffers as they are written: fields with a number and a wire type. What is
// read is never believed: each length is compared with what is left.

const VARINT = 0, FIXED64 = 1, BYTES = 2, FIXED32 = 5;

/** What is wrong with a file, in a sentence for the person who opened it. */
export class BadProfile extends Error {
  constructor(message) {
    super(message);
    this.name = 'BadProfile';
  }
}

/** The number in 64 bits with a sign: a BigInt. */
export function asSigned(value) {
  return BigInt.asIntN(64, BigInt(value));
}

/** The number as an index or a line: a Number from 0 on, so it must be a safe integer. */
export function asIndex(value, what) {
  if (typeof value !== 'number') throw new BadProfile(`a ${what} is ${value}, which is too large`);
  return value;
}

// A varint is a Number as long as that is exact, and a BigInt above 2^53.
function readVarint(bytes, at, end) {
  let value = 0, scale = 1;
  for (let i = 0; i < 7; i++) {
    if (at + i >= end) throw new BadProfile('the file ends within a number');
    const byte = bytes[at + i];
    value += (byte & 127) * scale;
    if (byte < 128) return [value, at + i + 1];
    scale *= 128;
  }
  return readLongVarint(bytes, at + 7, end, BigInt(value));
}

function readLongVarint(bytes, at, end, low) {
  let value = low;
  for (let i = 0; i < 3; i++) {
    if (at + i >= end) throw new BadProfile('the file ends within a number');
    const byte = bytes[at + i];
    value += BigInt(byte & 127) << BigInt(49 + 7 * i);
    if (byte < 128) {
      value = BigInt.asUintN(64, value);
      return [value <= Number.MAX_SAFE_INTEGER ? Number(value) : value, at + i + 1];
    }
  }
  throw new BadProfile('a number has more than 10 bytes');
}

function skipFixed(at, end, size) {
  if (at + size > end) throw new BadProfile('the file ends within a number');
  return at + size;
}

function readBytes(bytes, at, end) {
  const [length, start] = readVarint(bytes, at, end);
  if (typeof length !== 'number' || length > end - start) {
    throw new BadProfile(`a field says that it has ${length} bytes, but the file ends before`);
  }
  return [bytes.subarray(start, start + length), start + length];
}

/** Calls take(number, value) for each field: value is a Number, a BigInt or bytes. */
export function readFields(bytes, take) {
  let at = 0;
  const end = bytes.length;
  while (at < end) {
    let tag, value;
    [tag, at] = readVarint(bytes, at, end);
    if (typeof tag !== 'number' || tag < 8) throw new BadProfile('a field has no number');
    const type = tag % 8;
    if (type === VARINT) [value, at] = readVarint(bytes, at, end);
    else if (type === BYTES) [value, at] = readBytes(bytes, at, end);
    else if (type === FIXED64) at = skipFixed(at, end, 8);
    else if (type === FIXED32) at = skipFixed(at, end, 4);
    else throw new BadProfile(`a field has the unknown wire type ${type}`);
    if (value !== undefined) take((tag - type) / 8, value);
  }
}

/** Numbers of a repeated field, which are packed into bytes or stand alone, are added to list. */
export function addNumbers(list, value, convert) {
  if (!(value instanceof Uint8Array)) {
    list.push(convert(value));
    return;
  }
  let at = 0, number;
  while (at < value.length) {
    [number, at] = readVarint(value, at, value.length);
    list.push(convert(number));
  }
}

/** The value as bytes: a field that should hold a message or a text. */
export function asBytes(value, what) {
  if (!(value instanceof Uint8Array)) throw new BadProfile(`a ${what} is a number, not a message`);
  return value;
}

/** The value as a number: a field that should hold one. */
export function asNumber(value, what) {
  if (value instanceof Uint8Array) throw new BadProfile(`a ${what} is a message, not a number`);
  return value;
}
