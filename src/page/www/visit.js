// SPDX-License-Identifier: MIT
// What several sections do: enter a step, and fetch a profile of it.

import { getBytes, gotoAction, send } from './api.js';
import { announce } from './dom.js';
import { keepBytes, keyOf } from './keep.js';
import { known, refreshAll, refreshCaptures } from './state.js';

/** Enters the step; throws what the lab says if it can't. */
export async function enterStep(number, params = {}) {
  return enterBy(gotoAction(number, params));
}

export async function enterBy(action) {
  const answer = await (await send(action)).text();
  await refreshAll();
  announce(answer.trim());
}

function newestCapture(before) {
  const list = known('captures')?.captures ?? [];
  return list.filter((c) => !before.has(keyOf(c))).pop();
}

/**
 * Fetches a profile. The lab keeps it as a capture, and so does the browser. Returns
 * the capture as the lab lists it.
 */
export async function takeCapture(path, options) {
  await refreshCaptures();
  const before = new Set((known('captures')?.captures ?? []).map(keyOf));
  const bytes = await getBytes(path, options);
  await refreshCaptures();
  const capture = newestCapture(before);
  if (!capture) throw new Error('The lab has answered, but it keeps no capture of that.');
  keepBytes(capture, bytes);
  return capture;
}
