// SPDX-License-Identifier: MIT
// What the page knows of the lab. The sections listen to what they show: a change of
// `status`, `steps`, `captures`, `progress`, `sample`, `mark`, `log`, `load` or `link`.

import { getJson, getJsonIfAny, paths } from './api.js';
import { readDone } from './done.js';

const listeners = new Map();
const values = new Map();

/** Calls take(value) now, if the value is known, and at each change. */
export function listen(name, take) {
  if (!listeners.has(name)) listeners.set(name, []);
  listeners.get(name).push(take);
  if (values.has(name)) take(values.get(name));
}

/** The last value, or undefined. */
export function known(name) {
  return values.get(name);
}

function tellListeners(name, value) {
  for (const take of listeners.get(name) ?? []) take(value);
}

/** Tells all who listen; with `isPassing` the value is for those only who listen now. */
export function tell(name, value, isPassing = false) {
  if (!isPassing) values.set(name, value);
  tellListeners(name, value);
}

const GETTERS = {
  status: () => getJson(paths.status), steps: () => getJson(paths.steps),
  captures: () => getJsonIfAny(paths.captures), progress: getDone,
};

async function getDone() {
  const answer = await getJsonIfAny(paths.progress);
  return answer && readDone(answer);
}

let questions = 0;
const newest = new Map(); // by name: the last question of which the answer was taken

// Answers may overtake each other. One that was asked for before the last one that was
// taken is older than what is known, and is dropped.
function isNews(name, question) {
  if (question < (newest.get(name) ?? 0)) return false;
  newest.set(name, question);
  return true;
}

async function refresh(name) {
  const question = ++questions;
  const value = await GETTERS[name]();
  if (value !== undefined && isNews(name, question)) tell(name, value);
  return value;
}

export const refreshStatus = () => refresh('status');
export const refreshCaptures = () => refresh('captures');
export const refreshProgress = () => refresh('progress');

/**
 * All that a switch, an answer or a capture can have changed. What fails is tried at the
 * next change. All is known before anybody is told: a ticket that shows a step as new
 * until its progress comes would change its size.
 */
export async function refreshAll() {
  const names = Object.keys(GETTERS), question = ++questions;
  const answers = await Promise.allSettled(names.map((name) => GETTERS[name]()));
  const news = names.map((name, i) => [name, answers[i].value])
    .filter(([name, value]) => value !== undefined && isNews(name, question));
  for (const [name, value] of news) values.set(name, value);
  for (const [name, value] of news) tellListeners(name, value);
}

/** The step that runs now, from the list of steps; or undefined. */
export function presentStep() {
  const status = known('status');
  return known('steps')?.steps.find((s) => s.number === status?.step);
}

/** What the student has done in a step: { solved, score, visits... } or undefined. */
export function progressOf(number) {
  return known('progress')?.steps.find((s) => s.step === number);
}
