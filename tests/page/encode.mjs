// SPDX-License-Identifier: MIT
// Writes profile.proto for tests: small profiles by hand, with whatever numbers.

export function varint(value) {
  const bytes = [];
  let rest = BigInt.asUintN(64, BigInt(value));
  while (rest > 127n) {
    bytes.push(Number(rest & 127n) | 128);
    rest >>= 7n;
  }
  bytes.push(Number(rest));
  return bytes;
}

export function numberField(field, value) {
  return [...varint(field * 8), ...varint(value)];
}

export function bytesField(field, bytes) {
  return [...varint(field * 8 + 2), ...varint(bytes.length), ...bytes];
}

export function textField(field, text) {
  return bytesField(field, [...new TextEncoder().encode(text)]);
}

/**
 * A profile of stacks: { types: [[type, unit]], stacks: [{ names: [outermost, ..., leaf],
 * values }], packed, further (bytes), file }. Each name is a function of its own and a location.
 */
export function encodeProfile({ types = [['samples', 'count']], stacks = [], packed = true, further = [], file = 'a.lua' }) {
  const texts = [''];
  const textIndex = (text) => {
    if (!texts.includes(text)) texts.push(text);
    return texts.indexOf(text);
  };
  const names = [...new Set(stacks.flatMap((s) => s.names))];
  const out = [];
  const repeated = (field, list) =>
    packed ? bytesField(field, list.flatMap(varint)) : list.flatMap((v) => numberField(field, v));
  for (const [type, unit] of types) {
    out.push(...bytesField(1, [...numberField(1, textIndex(type)), ...numberField(2, textIndex(unit))]));
  }
  for (const { names: stack, values } of stacks) {
    const ids = stack.map((name) => names.indexOf(name) + 1).reverse();
    out.push(...bytesField(2, [...repeated(1, ids), ...repeated(2, values)]));
  }
  names.forEach((name, i) => {
    const line = [...numberField(1, i + 1), ...numberField(2, 10 * (i + 1))];
    out.push(...bytesField(4, [...numberField(1, i + 1), ...numberField(3, 4096 * (i + 1)), ...bytesField(4, line)]));
    out.push(...bytesField(5, [...numberField(1, i + 1), ...numberField(2, textIndex(name)), ...numberField(4, textIndex(file))]));
  });
  for (const text of texts) out.push(...textField(6, text));
  return Uint8Array.from([...out, ...further]);
}
