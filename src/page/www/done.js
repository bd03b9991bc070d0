// SPDX-License-Identifier: MIT
// What the student has done, as the lab says it: what is written down, and which steps
// were solved in this lab, whether or not that could be written down.

function addSolved(steps, number) {
  const own = steps.get(number);
  // Which score that was, only the file would say.
  if (!own?.solved) steps.set(number, { ...own, step: number, solved: true, score: undefined });
}

/** Of the answer of /lab/api/progress: { kept, problem, dropped, steps }, the steps in order. */
export function readDone({ kept, problem, solved, progress }) {
  const steps = new Map((progress?.steps ?? []).map((s) => [s.step, s]));
  for (const number of solved) addSolved(steps, number);
  return { kept, problem, dropped: progress?.dropped ?? 0, steps: [...steps.values()].sort((a, b) => a.step - b.step) };
}

/** "solved · 90"; the score of what isn't written down is unknown. */
export function solvedText({ score }) {
  return score === undefined ? 'solved' : `solved · ${score}`;
}
