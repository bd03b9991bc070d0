// SPDX-License-Identifier: MIT
// What the lab says to an answer.

import { el, fill } from './dom.js';
import { inlineNodes } from './markdown.js';

const TITLES = { solved: 'Solved', partial: 'Partly right', wrong: 'Not yet', invalid: 'Not judged (this costs no try)' };
const PARTS = [['class', 'Class', 30], ['where', 'Function', 35], ['evidence', 'Evidence', 25], ['ruled_out', 'Ruled out', 10]];

function partRow(label, points, most) {
  return el('div', { class: 'status-row' }, el('span', {}, label), el('meter', { min: 0, max: most, value: points, 'aria-label': label }), el('span', { class: 'figure' }, `${points} of ${most}`));
}

function lookedAt(verdict) {
  if (verdict.evidence) return `${verdict.evidence_text}.`;
  return verdict.looked_at?.length ? `Looked at: ${verdict.looked_at.join(', ')}.` : undefined;
}

/** Fills the box with the verdict of /lab/answer. */
export function showVerdict(box, verdict) {
  const parts = verdict.gradable ? PARTS.filter(([key]) => verdict.parts?.[key] !== undefined) : [];
  fill(box, el('div', { class: `verdict ${verdict.verdict}` },
    el('h3', {}, TITLES[verdict.verdict] ?? verdict.verdict, verdict.gradable && el('span', { class: 'figure' }, ` ${verdict.score} of 100`)),
    el('p', { class: 'feedback' }, inlineNodes(verdict.feedback ?? '')),
    verdict.advice && el('p', {}, inlineNodes(verdict.advice)),
    parts.map(([key, label, most]) => partRow(label, verdict.parts[key], most)),
    verdict.ruled_out_why && el('p', { class: 'quiet' }, verdict.ruled_out_why),
    lookedAt(verdict) && el('p', { class: 'quiet' }, lookedAt(verdict)),
    verdict.solved && el('p', {}, 'How to repair it, the solution and the healthy twin are below.')));
}
