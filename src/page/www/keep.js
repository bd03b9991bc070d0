// SPDX-License-Identifier: MIT
// The bytes of captures that this browser has seen. The lab gives back those of earlier
// visits, so that a fault and its healthy twin can only be compared with what is kept
// here. Small ones also survive that the page is loaded again.

import { paths, send } from './api.js';

const MOST = 64 << 20; // bytes, of all
const MOST_STORED = 256 << 10; // bytes, of one in the tab's storage
const PREFIX = 'diaglab capture ';
const ENDINGS = { metrics: 'txt', vars: 'txt', trace: 'out' };

const kept = new Map(); // by attempt and id; the oldest is the first
let size = 0;

/** Ids begin anew with each lab, but no two visits of any lab have one attempt. */
export function keyOf(capture) {
  return `${capture.attempt} ${capture.id}`;
}

// Browsers may forbid the tab's storage to a page: then to look at it is an error. What
// is kept doesn't survive that the page is loaded again, and all else is as it was.
function tryStorage(act) {
  try {
    return act(sessionStorage);
  } catch {
    return undefined;
  }
}

function unstore(key) {
  tryStorage((storage) => storage.removeItem(PREFIX + key));
}

function forgetOldest() {
  const [key, bytes] = kept.entries().next().value;
  kept.delete(key);
  size -= bytes.length;
  unstore(key);
}

function tryToStore(key, text) {
  return tryStorage((storage) => {
    storage.setItem(PREFIX + key, text);
    return true;
  }) ?? false;
}

// The tab's storage has room for some megabytes: where it is full, the oldest goes.
function store(key, bytes) {
  if (bytes.length > MOST_STORED) return;
  const text = btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(''));
  for (const old of [...kept.keys()]) {
    if (tryToStore(key, text)) return;
    unstore(old);
  }
}

function keep(key, bytes) {
  kept.set(key, bytes);
  size += bytes.length;
  while (size > MOST) forgetOldest();
}

export function keepBytes(capture, bytes) {
  const key = keyOf(capture);
  if (bytes.length > MOST || kept.has(key)) return;
  keep(key, bytes);
  store(key, bytes);
}

function restoreOne(key) {
  const text = tryStorage((storage) => atob(storage.getItem(PREFIX + key)));
  if (text === undefined) unstore(key); // it is damaged
  else keep(key, Uint8Array.from(text, (letter) => letter.charCodeAt(0)));
}

/** Reads what an earlier page in this tab has kept, as far as it can be read. */
export function restoreKept() {
  for (const name of tryStorage(Object.keys) ?? []) {
    if (name.startsWith(PREFIX)) restoreOne(name.slice(PREFIX.length));
  }
}

/** What a download of the capture is called. */
export function fileNameOf(capture) {
  return `${capture.slug}-${capture.kind}-${capture.id}.${ENDINGS[capture.kind] ?? 'pb.gz'}`;
}

export function isKept(capture) {
  return kept.has(keyOf(capture));
}

// The lab may be another one than that which has listed it: by the tag one knows whose
// bytes these are.
async function fetchBytes(capture) {
  const answer = await send({ path: paths.capture(capture.id) });
  if (!answer.headers.get('ETag')?.includes(capture.attempt)) throw new Error(`what the lab has as ${capture.id} is another capture by now`);
  return new Uint8Array(await answer.arrayBuffer());
}

/** Its bytes, from here or from the lab. */
export async function bytesOf(capture) {
  const here = kept.get(keyOf(capture));
  if (here) return here;
  const bytes = await fetchBytes(capture);
  keepBytes(capture, bytes);
  return bytes;
}
