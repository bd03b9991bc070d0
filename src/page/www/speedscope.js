// SPDX-License-Identifier: MIT
// Another viewer for the same file: speedscope, where the lab was built with it
// (WEB_SPEEDSCOPE=ON), or else the student's own.

import { paths } from './api.js';
import { el } from './dom.js';
import { defaultIndex } from './profile.js';

/** It shows one value, nothing of an empty file, and can't read values below 0. */
export function opensInSpeedscope(profile) {
  const index = defaultIndex(profile);
  return profile.samples.some((s) => s.values[index] > 0n) && profile.samples.every((s) => s.values.every((v) => v >= 0n));
}

/** Where the lab's speedscope shows the capture; without one, it asks for a file. */
export function speedscopeUrl(viewer, capture, type) {
  if (!capture) return viewer;
  const words = { profileURL: paths.capture(capture.id), title: `${capture.id} ${capture.kind} (${type})`, view: 'left-heavy' };
  return `${viewer}#${Object.entries(words).map(([key, value]) => `${key}=${encodeURIComponent(value)}`).join('&')}`;
}

/** A paragraph that says how to open the capture there; the lab has it if `isInLab`. */
export function speedscopeNote(capture, profile, isInLab) {
  const viewer = document.querySelector('meta[name=speedscope]')?.content;
  const note = (...children) => el('p', { class: 'quiet curious' }, 'For the curious: ', children);
  if (!viewer) return note('speedscope opens the download, too (', el('code', {}, 'npx speedscope FILE'), '). A lab from ', el('code', {}, './lab build -DWEB_SPEEDSCOPE=ON'), ' has it here.');
  const { type } = profile.sampleTypes[defaultIndex(profile)];
  const link = (text, shown) => el('a', { href: speedscopeUrl(viewer, shown, type), target: '_blank', rel: 'noopener' }, text);
  if (!isInLab) return note('download this capture, and open the file in ', link('speedscope'), ', another viewer.');
  return note(link('open it in speedscope', capture), `, another viewer. It shows ${type}, and needs WebGL.`);
}
