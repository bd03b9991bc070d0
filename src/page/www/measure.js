// SPDX-License-Identifier: MIT
// The section "measure": charts of the lab each second, what happened when, and the tail
// of the log. It can be paused; what comes meanwhile isn't lost.

import { curlOf, paths } from './api.js';
import { commandLine, el, emptyState, fill, setText } from './dom.js';
import { formatBytes, formatClock, formatCount, formatPercent } from './format.js';
import { makeChart, SECONDS } from './charts.js';
import { listen } from './state.js';

const LOG_LINES = 200, EVENTS = 12;

const percent = (share) => formatPercent(share, 1);
const RATES = new Set(['cpu', 'requests', 'gc']); // counters, of which the rate is shown

// key of the sample, title, names of the lines, format
const CHARTS = [
  { key: 'rss', title: 'RSS', format: formatBytes, isBinary: true, help: 'Memory that the process has in RAM' },
  { key: 'heap_inuse', title: 'HeapInuse', format: formatBytes, isBinary: true, help: 'Memory of the heap that is in use' },
  { key: 'heap_idle', title: 'HeapIdle', format: formatBytes, isBinary: true, help: 'Memory of the heap that nobody uses, but that wasn\'t given back' },
  { key: 'cpu', title: 'CPU', format: percent, help: 'Processor time per second: 100 % is one processor' },
  { key: 'tasks', title: 'Tasks', lines: ['running', 'runnable', 'waiting'], format: formatCount, help: 'Tasks by their state' },
  { key: 'fds', title: 'Descriptors', format: formatCount, help: 'Open files and sockets' },
  { key: 'in_flight', title: 'In flight', lines: ['in flight', 'queued'], format: formatCount, help: 'Requests that aren\'t answered yet' },
  { key: 'requests', title: 'Requests/s', format: formatCount, help: 'Answers per second' },
  { key: 'gc', title: 'GC/s', format: formatCount, help: 'Collections of garbage per second' },
];

const series = new Map(CHARTS.map(({ key }) => [key, []]));
const marks = [];
let charts, last, baseline = {}, isPaused = false, pointed, eventList, logBox, logNote, dropped = 0;

function rate(key, sample) {
  const seconds = last ? sample.at - last.at : 0;
  if (seconds <= 0 || sample[key] === undefined || sample[key] < last[key]) return undefined;
  return (sample[key] - last[key]) / seconds;
}

function valuesOf(key, sample) {
  if (key === 'tasks') return ['running', 'runnable', 'waiting'].map((name) => sample.tasks?.[name]);
  if (key === 'in_flight') return [sample.in_flight, sample.queued];
  return [RATES.has(key) ? rate(key, sample) : sample[key]];
}

// Most tasks of a healthy program wait.
function bandOf(key) {
  const band = baseline[key === 'tasks' ? 'waiting' : key];
  return Array.isArray(band) && band.length === 2 ? band : undefined;
}

function drawAll() {
  if (isPaused && pointed === undefined) return;
  const end = last?.at ?? Date.now() / 1000;
  for (const [key, chart] of charts) chart.draw(series.get(key), { end, marks, band: bandOf(key), at: pointed });
}

function takeSample(sample) {
  for (const [key, points] of series) {
    points.push([sample.at, ...valuesOf(key, sample)]);
    while (points.length > 0 && sample.at - points[0][0] > 2 * SECONDS) points.shift();
  }
  last = sample;
  drawAll();
}

function takeMark(mark) {
  marks.push(mark);
  while (marks.length > 200) marks.shift();
  showEvents();
}

function showEvents() {
  fill(eventList, marks.slice(-EVENTS).reverse().map((m) => el('li', {},
    el('time', {}, formatClock(m.at * 1000)), el('span', { class: `key ${m.kind}` }, m.kind), el('span', {}, m.text))));
}

function takeLog({ lines = [], dropped: lost = 0 }) {
  if (lines.length > 0 && logBox.firstChild?.nodeType !== Node.TEXT_NODE && logBox.dataset.empty) {
    logBox.replaceChildren();
    delete logBox.dataset.empty;
  }
  dropped += lost;
  const isAtEnd = logBox.scrollHeight - logBox.scrollTop - logBox.clientHeight < 8;
  for (const line of lines) logBox.append(el('div', {}, line));
  while (logBox.childElementCount > LOG_LINES) logBox.firstChild.remove();
  if (isAtEnd && !isPaused) logBox.scrollTop = logBox.scrollHeight;
  setText(logNote, dropped ? `${dropped} lines came too fast to be shown` : '');
}

// The pointer on one chart shows the values of all charts at that time.
function followPointer(grid) {
  grid.addEventListener('pointermove', (event) => {
    const plot = event.target.closest('.plot');
    if (!plot || !last) return;
    const box = plot.getBoundingClientRect();
    pointed = last.at - SECONDS * (1 - (event.clientX - box.left) / box.width);
    drawAll();
  });
  grid.addEventListener('pointerleave', () => {
    pointed = undefined;
    drawAll();
  });
}

function pauseButton() {
  const button = el('button', { type: 'button', 'aria-pressed': 'false' }, 'Pause');
  button.addEventListener('click', () => {
    isPaused = !isPaused;
    button.setAttribute('aria-pressed', String(isPaused));
    setText(button, isPaused ? 'Go on' : 'Pause');
    drawAll();
  });
  return button;
}

function showLink(node, link) {
  const lost = 'The stream is lost; opening it again…';
  setText(node, !link.isUp ? lost : link.mode === 'poll' ? 'This lab has no stream: some charts stay empty.' : 'live');
  node.className = `link ${link.isUp ? 'up' : 'down'}`;
}

export function startMeasure(box) {
  charts = new Map(CHARTS.map((c) => [c.key, makeChart({ lines: [c.title], ...c })]));
  const grid = el('div', { class: 'charts' }, [...charts.values()].map((c) => c.node));
  const link = el('span', { class: 'link', role: 'status' }, 'connecting…');
  eventList = el('ol', { class: 'events' }, el('li', { class: 'quiet' }, 'Nothing has happened yet: choose a step, or send a load.'));
  logBox = el('div', { class: 'log', tabindex: '0', role: 'log', 'aria-label': 'Tail of the log', 'aria-live': 'off' },
    emptyState('No line yet.', 'The log has a line for each request: send one.'));
  logBox.dataset.empty = 'yes';
  logNote = el('small', { class: 'quiet' });
  followPointer(grid);
  fill(box, el('div', { class: 'row' }, link, pauseButton(),
    el('span', { class: 'quiet' }, 'The grey band is the healthy step 0, if you have looked at it.')), grid,
  el('div', { class: 'two' }, el('div', {}, el('h3', {}, 'Events'), eventList), el('div', {}, el('h3', {}, 'Log'), logBox, logNote)),
  commandLine(curlOf({ path: paths.stream }).replace('curl', 'curl -N')).node);
  listen('hello', (hello) => { baseline = hello.baseline ?? {}; });
  listen('sample', takeSample);
  listen('mark', takeMark);
  listen('log', takeLog);
  listen('link', (state) => showLink(link, state));
}
