// SPDX-License-Identifier: MIT
// A histogram of latencies as SVG: bars over a logarithmic axis, and lines at p50 and p99.

import { el, fill, svgEl } from './dom.js';
import { formatSeconds } from './format.js';

const WIDTH = 600, HEIGHT = 120;
const USUAL_STEP = Math.log10(1.5); // the lab's bounds are 1, 1.5, 2, 3, 5, 7, 10...

/**
 * Bars { x, width, height } from 0 to 1, and `at`, which places a time. `histogram` is a
 * list of [upper bound in seconds, count] in the order of the bounds.
 */
export function layOutHistogram(histogram) {
  const bounds = histogram.map(([upper]) => Math.log10(Math.max(upper, 1e-7)));
  const step = bounds.length > 1 ? bounds[1] - bounds[0] : USUAL_STEP;
  const low = Math.min(...bounds) - step - 0.15, high = Math.max(...bounds) + 0.15;
  const at = (seconds) => Math.min(1, Math.max(0, (Math.log10(Math.max(seconds, 1e-7)) - low) / (high - low)));
  const most = Math.max(1, ...histogram.map(([, count]) => count));
  const bars = histogram.map(([upper, count], i) => {
    const from = i === 0 ? bounds[0] - step : bounds[i - 1];
    const x = (from - low) / (high - low);
    return { x, width: (bounds[i] - from) / (high - low), height: count / most, upper, count };
  });
  return { bars, at, most };
}

function verticalLine(name, x) {
  return svgEl('line', { class: `mark ${name}`, x1: x, x2: x, y1: 0, y2: HEIGHT, 'vector-effect': 'non-scaling-stroke' });
}

/** Draws into the figure what a load has measured so far. */
export function drawHistogram(figure, state) {
  const filled = (state.histogram ?? []).filter(([upper]) => upper > 0);
  if (filled.length === 0) {
    fill(figure, el('p', { class: 'quiet' }, 'No answer yet.'));
    return;
  }
  const { bars, at } = layOutHistogram(filled);
  const label = `Latencies of ${state.answered} answers: p50 ${formatSeconds(state.p50_s)}, p99 ${formatSeconds(state.p99_s)}`;
  const svg = svgEl('svg', {
    class: 'histogram', viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: 'none', role: 'img', 'aria-label': label,
  });
  for (const bar of bars) {
    const height = bar.height * (HEIGHT - 8);
    svg.append(svgEl('rect', {
      class: 'bar', x: bar.x * WIDTH, width: Math.max(2, bar.width * WIDTH - 1), y: HEIGHT - height, height,
    }, svgEl('title', {}, `up to ${formatSeconds(bar.upper)}: ${bar.count}`)));
  }
  svg.append(verticalLine('p50', at(state.p50_s) * WIDTH), verticalLine('p99', at(state.p99_s) * WIDTH));
  const first = bars[0], last = bars[bars.length - 1];
  fill(figure, svg, el('div', { class: 'axis' }, el('span', {}, `up to ${formatSeconds(first.upper)}`), el('span', {}, formatSeconds(last.upper))));
}
