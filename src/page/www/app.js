// SPDX-License-Identifier: MIT
// The page at /lab/: begins each section. What works without JavaScript stands in the
// page as the lab sends it; a section's module replaces it by what needs JavaScript.

import { startCapture } from './capture.js';
import { fill, problemNote } from './dom.js';
import { restoreKept } from './keep.js';
import { startMeasure } from './measure.js';
import { startNow } from './now.js';
import { startProgress } from './progress.js';
import { startSay } from './say.js';
import { startSee } from './see.js';
import { forgetSources } from './sourceview.js';
import { listen, refreshAll } from './state.js';
import { startSteps } from './steps.js';
import { startStream } from './stream.js';

const SECTIONS = {
  now: startNow, steps: startSteps, see: startSee, measure: startMeasure,
  capture: startCapture, say: startSay, progress: startProgress,
};

// A section that fails says so, and the others go on.
async function startSection(name, start) {
  const box = document.querySelector(`[data-js="${name}"]`);
  if (!box) return;
  try {
    await start(box);
  } catch (error) {
    fill(box, problemNote(`This section can't be shown: ${error.message}`));
    console.error(error);
  }
}

async function startPage() {
  restoreKept();
  listen('status', forgetSources);
  await Promise.all(Object.entries(SECTIONS).map(([name, start]) => startSection(name, start)));
  await refreshAll();
  document.documentElement.classList.add('ready'); // page.css shows the sections now
  await startStream();
}

startPage();
