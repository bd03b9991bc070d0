// SPDX-License-Identifier: MIT
// Reads profile.proto, the format of go tool pprof: all of its fields, with a limit for
// each size, and an error that says what is wrong. Values are BigInts, so sums are right
// to the last digit.
//
// A profile: { sampleTypes: [{ type, unit }], samples, locations (by id), functions (by
// id), mappings (by id), dropFrames, keepFrames, timeNanos, durationNanos, periodType,
// period, comments, defaultSampleType, docUrl }.
// A sample: { values: [BigInt], stack: [location], labels: [{ key, text, number, unit }] };
// the stack begins with the leaf. A location: { id, mapping, address, frames, isFolded };
// its frames begin with the innermost. A frame: { key, name, systemName, file, startLine,
// line }; frames with the same key are one function.

import { BadProfile, addNumbers, asBytes, asIndex, asNumber, asSigned, readFields } from './wire.js';
import { pruneFrames } from './prune.js';

export { BadProfile };

export const LIMITS = { inflated: 256 << 20, types: 64, samples: 1 << 20, texts: 1 << 20, depth: 4096 };

// ---- inflating ----------------------------------------------------------------

function joinChunks(chunks, size) {
  const all = new Uint8Array(size);
  let at = 0;
  for (const chunk of chunks) {
    all.set(chunk, at);
    at += chunk.length;
  }
  return all;
}

/** What is in the gzipped bytes; bytes that aren't gzipped are returned as they are. */
export async function inflate(bytes, most = LIMITS.inflated) {
  if (bytes[0] !== 0x1f || bytes[1] !== 0x8b) return bytes;
  const reader = new Blob([bytes]).stream().pipeThrough(new DecompressionStream('gzip')).getReader();
  const chunks = [];
  let size = 0;
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return joinChunks(chunks, size);
      size += value.length;
      if (size > most) break;
      chunks.push(value);
    }
  } catch {
    throw new BadProfile('the file is damaged: it can\'t be inflated');
  }
  reader.cancel().catch(() => {});
  throw new BadProfile(`the file has more than ${most >> 20} MiB when it is inflated`);
}

// ---- messages -----------------------------------------------------------------

function addLimited(list, item, most, what) {
  if (list.length >= most) throw new BadProfile(`the file has more than ${most} ${what}`);
  list.push(item);
}

// Numbers of the fields of a message, by the names in FIELDS; 0 where there is none.
function readNumbers(bytes, fields, what) {
  const message = {};
  for (const name of Object.values(fields)) message[name] = 0;
  readFields(asBytes(bytes, what), (number, value) => {
    if (fields[number]) message[fields[number]] = asNumber(value, what);
  });
  return message;
}

const VALUE_TYPE = { 1: 'type', 2: 'unit' };
const LABEL = { 1: 'key', 2: 'text', 3: 'number', 4: 'unit' };
const LINE = { 1: 'function', 2: 'line' };
const FUNCTION = { 1: 'id', 2: 'name', 3: 'systemName', 4: 'file', 5: 'startLine' };
const MAPPING = {
  1: 'id', 2: 'start', 3: 'limit', 4: 'offset', 5: 'file', 6: 'buildId',
  7: 'hasFunctions', 8: 'hasFilenames', 9: 'hasLineNumbers', 10: 'hasInlineFrames',
};

function readSample(bytes) {
  const sample = { locations: [], values: [], labels: [] };
  readFields(asBytes(bytes, 'sample'), (number, value) => {
    if (number === 1) addNumbers(sample.locations, value, (id) => id);
    else if (number === 2) addNumbers(sample.values, value, asSigned);
    else if (number === 3) sample.labels.push(readNumbers(value, LABEL, 'label'));
  });
  if (sample.locations.length > LIMITS.depth) {
    throw new BadProfile(`a stack has ${sample.locations.length} locations, more than ${LIMITS.depth}`);
  }
  return sample;
}

function readLocation(bytes) {
  const location = { id: 0, mapping: 0, address: 0, lines: [], isFolded: false };
  readFields(asBytes(bytes, 'location'), (number, value) => {
    if (number === 1) location.id = asNumber(value, 'location');
    else if (number === 2) location.mapping = asNumber(value, 'location');
    else if (number === 3) location.address = asNumber(value, 'location');
    else if (number === 4) location.lines.push(readNumbers(value, LINE, 'line'));
    else if (number === 5) location.isFolded = value !== 0;
  });
  return location;
}

const PROFILE_NUMBERS = {
  7: 'dropFrames', 8: 'keepFrames', 9: 'timeNanos', 10: 'durationNanos', 12: 'period',
  14: 'defaultSampleType', 15: 'docUrl',
};

function readMessage(bytes) {
  const raw = { sampleTypes: [], samples: [], mappings: [], locations: [], functions: [], texts: [], comments: [] };
  for (const name of Object.values(PROFILE_NUMBERS)) raw[name] = 0;
  const utf8 = new TextDecoder();
  const take = {
    1: (value) => addLimited(raw.sampleTypes, readNumbers(value, VALUE_TYPE, 'sample type'), LIMITS.types, 'sample types'),
    2: (value) => addLimited(raw.samples, readSample(value), LIMITS.samples, 'samples'),
    3: (value) => addLimited(raw.mappings, readNumbers(value, MAPPING, 'mapping'), LIMITS.texts, 'mappings'),
    4: (value) => addLimited(raw.locations, readLocation(value), LIMITS.texts, 'locations'),
    5: (value) => addLimited(raw.functions, readNumbers(value, FUNCTION, 'function'), LIMITS.texts, 'functions'),
    6: (value) => addLimited(raw.texts, utf8.decode(asBytes(value, 'text')), LIMITS.texts, 'texts'),
    11: (value) => { raw.periodType = readNumbers(value, VALUE_TYPE, 'period type'); },
    13: (value) => addNumbers(raw.comments, value, (index) => index),
  };
  readFields(bytes, (number, value) => {
    if (take[number]) take[number](value);
    else if (PROFILE_NUMBERS[number]) raw[PROFILE_NUMBERS[number]] = asNumber(value, 'profile');
  });
  return raw;
}

// ---- from numbers to things ---------------------------------------------------

function textGetter(texts) {
  if (texts.length > 0 && texts[0] !== '') throw new BadProfile('the first text of the file must be empty');
  return (index) => {
    if (index === 0) return '';
    const text = texts[index];
    if (text === undefined) throw new BadProfile(`the file has no text number ${index}`);
    return text;
  };
}

function byId(list, what) {
  const map = new Map();
  for (const item of list) {
    if (item.id === 0) throw new BadProfile(`a ${what} has no id`);
    if (map.has(item.id)) throw new BadProfile(`two ${what}s have the id ${item.id}`);
    map.set(item.id, item);
  }
  return map;
}

function find(map, id, what) {
  const item = map.get(id);
  if (!item) throw new BadProfile(`the file has no ${what} number ${id}`);
  return item;
}

// pprof shows the last part of the file's name where it knows no function.
function nameOfFile(mapping) {
  const name = mapping?.file.replace(/\/+$/, '').replace(/^.*\//, '');
  return name ? `[${name}]` : '<unknown>';
}

function makeFrame(func, line, mapping) {
  const name = func?.name || nameOfFile(mapping);
  const key = func?.name || `\0${func?.startLine ?? 0} ${mapping?.file ?? ''}`;
  return {
    key, name, systemName: func?.systemName ?? '', file: func?.file ?? '',
    startLine: func?.startLine ?? 0, line,
  };
}

function resolveLocation(location, functions, mappings) {
  const mapping = location.mapping === 0 ? undefined : find(mappings, location.mapping, 'mapping');
  const frames = location.lines.map((line) => {
    const func = line.function === 0 ? undefined : find(functions, line.function, 'function');
    return makeFrame(func, Number(asSigned(line.line)), mapping);
  });
  if (frames.length === 0) frames.push(makeFrame(undefined, 0, mapping));
  return { id: location.id, mapping, address: location.address, frames, isFolded: location.isFolded };
}

function resolveSample(raw, types, locations, text) {
  if (raw.values.length !== types) {
    throw new BadProfile(`a sample has ${raw.values.length} values, but there are ${types} sample types`);
  }
  return {
    values: raw.values,
    stack: raw.locations.map((id) => find(locations, id, 'location')),
    labels: raw.labels.map((label) => ({
      key: text(label.key), text: text(label.text), number: asSigned(label.number), unit: text(label.unit),
    })),
  };
}

function resolveTables(raw, text) {
  for (const mapping of raw.mappings) {
    mapping.file = text(mapping.file);
    mapping.buildId = text(mapping.buildId);
  }
  for (const func of raw.functions) {
    for (const key of ['name', 'systemName', 'file']) func[key] = text(func[key]);
    func.startLine = asIndex(func.startLine, 'line');
  }
  const mappings = byId(raw.mappings, 'mapping');
  const functions = byId(raw.functions, 'function');
  const locations = byId(raw.locations.map((l) => resolveLocation(l, functions, mappings)), 'location');
  return { mappings, functions, locations };
}

/** The profile in the bytes, which are inflated already. */
export function decodeProfile(bytes) {
  const raw = readMessage(bytes);
  const text = textGetter(raw.texts);
  const valueType = (v) => ({ type: text(v.type), unit: text(v.unit) });
  if (raw.sampleTypes.length === 0) throw new BadProfile('this is no profile: it has no sample types');
  const tables = resolveTables(raw, text);
  const profile = {
    ...tables,
    sampleTypes: raw.sampleTypes.map(valueType),
    samples: raw.samples.map((s) => resolveSample(s, raw.sampleTypes.length, tables.locations, text)),
    dropFrames: text(raw.dropFrames), keepFrames: text(raw.keepFrames),
    timeNanos: asSigned(raw.timeNanos), durationNanos: asSigned(raw.durationNanos),
    periodType: raw.periodType && valueType(raw.periodType), period: asSigned(raw.period),
    comments: raw.comments.map(text), defaultSampleType: text(raw.defaultSampleType), docUrl: text(raw.docUrl),
  };
  pruneFrames(profile);
  return profile;
}

/** The profile in the bytes of a file, gzipped or not. */
export async function readProfile(bytes) {
  return decodeProfile(await inflate(bytes));
}

/** Which value pprof shows if nobody chooses: the default one, otherwise the last. */
export function defaultIndex(profile) {
  const index = profile.sampleTypes.findIndex((t) => t.type === profile.defaultSampleType);
  return index >= 0 ? index : profile.sampleTypes.length - 1;
}

/** The frames of a sample, the outermost first. */
export function framesOf(sample) {
  const frames = [];
  for (let i = sample.stack.length - 1; i >= 0; i--) {
    const inner = sample.stack[i].frames;
    for (let k = inner.length - 1; k >= 0; k--) frames.push(inner[k]);
  }
  return frames;
}
