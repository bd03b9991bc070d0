// SPDX-License-Identifier: MIT
// A profile as text: each stack with its values, as go tool pprof -traces.

import { framesOf } from './profile.js';
import { exactValue } from './format.js';

const MOST = 300; // stacks

function magnitude(sample, index) {
  const value = sample.values[index];
  return value < 0n ? -value : value;
}

function compareSamples(index) {
  return (a, b) => {
    const x = magnitude(a, index), y = magnitude(b, index);
    return x === y ? 0 : x > y ? -1 : 1;
  };
}

function labelLine(label) {
  return `  # ${label.key}: ${label.text || exactValue(label.number, label.unit)}`;
}

function stackText(sample, types) {
  const values = sample.values.map((v, i) => `${exactValue(v, types[i].unit)} ${types[i].type}`).join(', ');
  const frames = framesOf(sample).reverse().map((f) => `    ${f.name}${f.file ? `  ${f.file}:${f.line}` : ''}`);
  return [values, ...sample.labels.map(labelLine), ...frames].join('\n');
}

/** The heaviest stacks of the profile, the leaf of each first. */
export function profileText(profile, index) {
  const samples = [...profile.samples].sort(compareSamples(index));
  const texts = samples.slice(0, MOST).map((s) => stackText(s, profile.sampleTypes));
  if (samples.length > MOST) texts.push(`… and ${samples.length - MOST} further stacks`);
  return [...profile.comments.map((c) => `# ${c}`), ...texts].join('\n\n');
}
