// SPDX-License-Identifier: MIT
// The lab's events, once a second while the page is seen. When the stream is lost it is
// opened again, and the page says so. A lab without it is asked for its status instead.

import { paths, send, Refused } from './api.js';
import { known, refreshAll, refreshCaptures, refreshProgress, refreshStatus, tell } from './state.js';

const FIRST_PAUSE = 500, LONGEST_PAUSE = 8000; // ms, until the next attempt
const POLL = 2000;

// What has happened changes what the student has done, or all that is known.
const CHANGES_PROGRESS = new Set(['capture', 'hint', 'repair', 'reset']);
const CHANGES_ALL = new Set(['goto', 'answer']);

let source, timer, pause = FIRST_PAUSE, captureCount;

function parseEvent(event) {
  try {
    return JSON.parse(event.data);
  } catch {
    return undefined;
  }
}

function isAnotherVisit(sample) {
  return known('status') && (sample.step !== known('status').step);
}

function takeSample(event) {
  const sample = parseEvent(event);
  if (!sample) return;
  tell('sample', sample);
  if (isAnotherVisit(sample)) refreshAll();
  if (captureCount !== undefined && sample.captures !== captureCount) refreshCaptures().catch(() => {});
  captureCount = sample.captures;
}

function takeHello(event) {
  const hello = parseEvent(event);
  if (!hello) return;
  pause = FIRST_PAUSE;
  tell('link', { isUp: true, mode: 'stream' });
  tell('hello', hello);
  refreshAll();
}

function takeMark(event) {
  const mark = parseEvent(event);
  if (!mark) return;
  tell('mark', mark, true);
  if (CHANGES_ALL.has(mark.kind)) refreshAll();
  else if (CHANGES_PROGRESS.has(mark.kind)) refreshProgress().catch(() => {});
}

function passOn(name, isPassing) {
  return (event) => {
    const value = parseEvent(event);
    if (value) tell(name, value, isPassing);
  };
}

function lose() {
  source?.close();
  source = undefined;
  tell('link', { isUp: false, mode: 'stream' });
  plan(openStream, pause);
  pause = Math.min(2 * pause, LONGEST_PAUSE);
}

function plan(action, delay) {
  clearTimeout(timer);
  timer = setTimeout(action, delay);
}

// The lab has no stream: its status tells a part of the same.
async function pollStatus() {
  try {
    const s = await refreshStatus();
    tell('link', { isUp: true, mode: 'poll' });
    tell('sample', {
      at: Date.now() / 1000, step: s.step, rss: s.rss_bytes, cpu: s.cpu_seconds, fds: s.fds,
      in_flight: s.requests.in_flight, queued: s.requests.queued, tasks: {
        running: s.tasks.running, runnable: s.tasks.runnable,
        waiting: Object.values(s.tasks.waiting).reduce((a, b) => a + b, 0),
      },
    });
  } catch {
    tell('link', { isUp: false, mode: 'poll' });
  }
  if (!document.hidden) plan(pollStatus, POLL);
}

function openStream() {
  if (source || document.hidden) return;
  source = new EventSource(paths.stream);
  source.addEventListener('hello', takeHello);
  source.addEventListener('now', takeSample);
  source.addEventListener('mark', takeMark);
  source.addEventListener('load', passOn('load', false));
  source.addEventListener('log', passOn('log', true));
  source.addEventListener('error', lose);
}

// An EventSource can't tell a missing path from a lost lab.
async function isStreamThere() {
  const gone = new AbortController();
  try {
    const answer = await send({ path: paths.stream }, { signal: gone.signal });
    return answer.headers.get('Content-Type')?.startsWith('text/event-stream') ?? false;
  } catch (error) {
    return !(error instanceof Refused && error.status === 404);
  } finally {
    gone.abort();
  }
}

/** Begins, and stops while the page isn't seen. */
export async function startStream() {
  const begin = await isStreamThere() ? openStream : pollStatus;
  begin();
  document.addEventListener('visibilitychange', () => {
    clearTimeout(timer);
    if (document.hidden) {
      source?.close();
      source = undefined;
    } else {
      begin();
    }
  });
}
