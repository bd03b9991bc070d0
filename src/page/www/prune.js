// SPDX-License-Identifier: MIT
// Leaves out the frames that a profile itself calls uninteresting (its drop_frames and
// keep_frames), as go tool pprof does: all that a matching function has called, and the
// function.

import { BadProfile } from './wire.js';

const LONGEST_PATTERN = 4096;

function compilePattern(text) {
  if (text.length > LONGEST_PATTERN) throw new BadProfile('the pattern of frames to leave out is too long');
  try {
    return new RegExp(`^(?:${text})$`, 'u');
  } catch {
    throw new BadProfile('the pattern of frames to leave out can\'t be read');
  }
}

// A name without a list of arguments.
function bareName(name) {
  const plain = name.replace(/^\./, '');
  const brackets = /\(anonymous namespace\)|operator\(\)|\(/g;
  for (const found of plain.matchAll(brackets)) {
    if (found[0] === '(') return plain.slice(0, found.index);
  }
  return plain;
}

// Shortens the location's frames; what it tells of the location: 'whole', 'part' or
// undefined, if none of its frames matches.
function pruneLocation(location, isDropped) {
  const { frames } = location;
  let i = frames.length - 1;
  while (i >= 0 && !(frames[i].key[0] !== '\0' && isDropped(bareName(frames[i].name)))) i--;
  if (i < 0) return undefined;
  if (i === frames.length - 1) return 'whole';
  location.frames = frames.slice(i + 1);
  return 'part';
}

function pruneStack(stack, pruned) {
  let hasFoundUser = false;
  for (let i = stack.length - 1; i >= 0; i--) {
    const what = pruned.get(stack[i]);
    if (!what) hasFoundUser = true;
    else if (hasFoundUser) return stack.slice(what === 'whole' ? i + 1 : i);
  }
  return stack;
}

/** Changes the profile's stacks. */
export function pruneFrames(profile) {
  if (!profile.dropFrames) return;
  const drop = compilePattern(profile.dropFrames);
  const keep = profile.keepFrames ? compilePattern(profile.keepFrames) : undefined;
  const isDropped = (name) => drop.test(name) && !keep?.test(name);
  const pruned = new Map();
  for (const location of profile.locations.values()) {
    const what = pruneLocation(location, isDropped);
    if (what) pruned.set(location, what);
  }
  for (const sample of profile.samples) sample.stack = pruneStack(sample.stack, pruned);
}
