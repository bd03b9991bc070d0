// SPDX-License-Identifier: MIT
// The bytes of captures that this browser has seen. The lab gives back those of earlier
// visits, so that a fault and its healthy twin can only be compared with what is kept here.

import { getBytes, paths } from './api.js';

const MOST = 64 << 20; // bytes

const kept = new Map(); // by attempt and id; the oldest is the first
let size = 0;

function keyOf(capture) {
  return `${capture.attempt} ${capture.id}`;
}

function forgetOldest() {
  const [key, bytes] = kept.entries().next().value;
  kept.delete(key);
  size -= bytes.length;
}

export function keepBytes(capture, bytes) {
  if (bytes.length > MOST || kept.has(keyOf(capture))) return;
  kept.set(keyOf(capture), bytes);
  size += bytes.length;
  while (size > MOST) forgetOldest();
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
