// SPDX-License-Identifier: MIT
// Small charts over time, as SVG: lines, the band of the healthy step behind them, and a
// vertical line for each event. A series is a list of points [time, value...].

import { el, setText, svgEl } from './dom.js';

export const SECONDS = 180; // that are seen
const WIDTH = 300, HEIGHT = 56, TOP = 4;

/** The largest value that the axis has room for: 1, 2 or 5 times a power of ten. */
export function roundUp(value, isBinary = false) {
  if (value <= 0) return 1;
  if (isBinary) return 2 ** Math.ceil(Math.log2(value));
  const power = 10 ** Math.floor(Math.log10(value));
  return [1, 2, 5, 10].map((n) => n * power).find((n) => n >= value);
}

/** The path of one line; where a value is missing, it is interrupted. */
export function linePath(points, column, end, top) {
  let path = '', isPenDown = false;
  for (const point of points) {
    const value = point[column];
    if (value === undefined || value === null || Number.isNaN(value)) {
      isPenDown = false;
      continue;
    }
    const x = WIDTH * (1 - (end - point[0]) / SECONDS), y = HEIGHT - (HEIGHT - TOP) * value / top;
    path += `${isPenDown ? 'L' : 'M'}${x.toFixed(1)} ${y.toFixed(1)}`;
    isPenDown = true;
  }
  return path;
}

/** The largest value of the points, and of the band. */
export function largestValue(points, columns, band) {
  let most = band?.[1] ?? 0;
  for (const point of points) {
    for (let i = 1; i <= columns; i++) if (point[i] > most) most = point[i];
  }
  return most;
}

function drawMarks(group, marks, end) {
  group.replaceChildren(...marks.filter((m) => end - m.at <= SECONDS).map((mark) => {
    const x = WIDTH * (1 - (end - mark.at) / SECONDS);
    return svgEl('line', { class: `event ${mark.kind}`, x1: x, x2: x, y1: 0, y2: HEIGHT, 'vector-effect': 'non-scaling-stroke' });
  }));
}

function drawBand(rect, band, top) {
  rect.toggleAttribute('hidden', !band);
  if (!band) return;
  const y = (value) => HEIGHT - (HEIGHT - TOP) * value / top;
  const height = Math.max(2, y(band[0]) - y(band[1]));
  rect.setAttribute('y', String(Math.min(HEIGHT - height, y(band[1]))));
  rect.setAttribute('height', String(height));
}

/**
 * A chart { node, draw(points, { end, marks, band, at }) }. `lines` are the names of the
 * columns; with several of them, the chart has a legend. `at` is the time that the
 * pointer shows, if any.
 */
export function makeChart({ title, lines, format, isBinary, help }) {
  const output = el('output', { class: 'figure' }, '–');
  const top = el('span', { class: 'top' });
  const band = svgEl('rect', { class: 'band', x: 0, width: WIDTH, hidden: true });
  const events = svgEl('g', {});
  const paths = lines.map((_, i) => svgEl('path', { class: `line l${i}`, 'vector-effect': 'non-scaling-stroke' }));
  const cursor = svgEl('line', { class: 'cursor', y1: 0, y2: HEIGHT, 'vector-effect': 'non-scaling-stroke', hidden: true });
  const svg = svgEl('svg', { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: 'none', 'aria-hidden': 'true' }, band, events, paths, cursor);
  const legend = lines.length > 1 && el('div', { class: 'legend' }, lines.map((name, i) => el('span', { class: `l${i}` }, name)));
  const node = el('figure', { class: 'chart' },
    el('figcaption', { title: help }, el('span', {}, title), output), el('div', { class: 'plot' }, svg, top), legend);

  function draw(points, { end, marks, band: range, at }) {
    const most = roundUp(largestValue(points, lines.length, range), isBinary);
    for (const [i, path] of paths.entries()) path.setAttribute('d', linePath(points, i + 1, end, most));
    drawBand(band, range, most);
    drawMarks(events, marks, end);
    const shown = at === undefined ? points[points.length - 1] : nearestPoint(points, at);
    setText(top, points.length ? format(most) : '');
    setText(output, shown ? lines.map((_, i) => shown[i + 1] === undefined ? '–' : format(shown[i + 1])).join(' · ') : '–');
    cursor.toggleAttribute('hidden', at === undefined || !shown);
    if (at !== undefined && shown) {
      const x = String(WIDTH * (1 - (end - shown[0]) / SECONDS));
      cursor.setAttribute('x1', x);
      cursor.setAttribute('x2', x);
    }
  }
  return { node, draw, svg };
}

/** The point whose time is nearest. */
export function nearestPoint(points, at) {
  let nearest;
  for (const point of points) {
    if (!nearest || Math.abs(point[0] - at) < Math.abs(nearest[0] - at)) nearest = point;
  }
  return nearest;
}
