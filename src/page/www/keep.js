// SPDX-License-Identifier: MIT
// The bytes of captures that this browser has seen. The lab gives back those of earlier
// visits, so that a fault and its healthy twin can only be compared with what is kept
// here. Small ones also survive that the page is loaded again.

import { getBytes, paths } from './api.js';

const MOST = 64 << 20; // bytes, of all
const MOST_STORED = 256 << 10; // bytes, of one in the tab's storage
const PREFIX = 'diaglab capture ';
const ENDINGS = { metrics: 'txt', vars: 'txt', trace: 'out' };

const kept = new Map(); // by attempt and id; the oldest is the first
let size = 0;

function keyOf(capture) {
  return `${capture.attempt} ${capture.id}`;
}

function forgetOldest() {
  const [key, bytes] = kept.entries().next().value;
  kept.delete(key);
  size -= bytes.length;
  sessionStorage.removeItem(PREFIX + key);
}

// The tab's storage has room for some megabytes: where it is full, the oldest goes.
function store(key, bytes) {
  if (bytes.length > MOST_STORED) return;
  const text = btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(''));
  for (const old of [...kept.keys()]) {
    try {
      sessionStorage.setItem(PREFIX + key, text);
      return;
    } catch {
      sessionStorage.removeItem(PREFIX + old);
    }
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

/** Reads what an earlier page in this tab has kept. */
export function restoreKept() {
  for (const name of Object.keys(sessionStorage)) {
    if (!name.startsWith(PREFIX)) continue;
    const text = atob(sessionStorage.getItem(name));
    keep(name.slice(PREFIX.length), Uint8Array.from(text, (letter) => letter.charCodeAt(0)));
  }
}

/** What a download of the capture is called. */
export function fileNameOf(capture) {
  return `${capture.slug}-${capture.kind}-${capture.id}.${ENDINGS[capture.kind] ?? 'pb.gz'}`;
}

export function isKept(capture) {
  return kept.has(keyOf(capture));
}

/** Its bytes, from here or from the lab. */
export async function bytesOf(capture) {
  const here = kept.get(keyOf(capture));
  if (here) return here;
  const bytes = await getBytes(paths.capture(capture.id));
  keepBytes(capture, bytes);
  return bytes;
}
