// SPDX-License-Identifier: MIT
// What a capture shows: flame graph, top table, text; or the difference of two captures.
// Beside it are the source lines of the chosen function.

import { fullUrl, paths, shellLine } from './api.js';
import { chooser, commandLine, el, emptyState, field, fill, problemNote } from './dom.js';
import { makeDiffView } from './diffview.js';
import { buildTree } from './flame.js';
import { largestSelf, originColour, selfColour } from './flamecolour.js';
import { describeCost, makeFlameView } from './flameview.js';
import { formatClock, formatValue } from './format.js';
import { bytesOf, fileNameOf } from './keep.js';
import { defaultIndex, readProfile } from './profile.js';
import { showSource } from './sourceview.js';
import { opensInSpeedscope, speedscopeNote } from './speedscope.js';
import { known } from './state.js';
import { profileText } from './text.js';
import { showTop } from './topview.js';

const TEXT_KINDS = new Set(['metrics', 'vars']);

let box, command, absent, parts, curious, opening = 0;
const shown = { captures: [], profiles: [], index: 0, tab: 'flame', isInverted: false, isIcicle: true, numbers: 'cum', tree: undefined };

// ---- the bar ------------------------------------------------------------------

function isInLab(capture) {
  return capture.attempt === known('captures')?.attempt;
}

/** The command that opens the same in pprof. Of earlier visits the lab has no captures: their downloads are meant. */
export function pprofCommand(captures, type) {
  const words = ['go', 'tool', 'pprof', '-http=:', ...type ? [`-sample_index=${type}`] : []];
  const [before, after] = captures.length === 2 ? captures : [undefined, captures[0]];
  const placeOf = (c) => isInLab(c) ? fullUrl(paths.capture(c.id)) : fileNameOf(c);
  if (before) words.push('-base', placeOf(before));
  return shellLine([...words, placeOf(after)]);
}

// Which of two captures is the base: to see what a fault adds, that of the healthy program.
function swapButton() {
  const button = el('button', { type: 'button', id: 'swap', title: 'The other capture becomes the base' }, 'Swap');
  button.addEventListener('click', async () => {
    await openCaptures([...shown.captures].reverse());
    box.querySelector('#swap')?.focus({ preventScroll: true });
  });
  return button;
}

function typeSelect() {
  const { sampleTypes } = shown.profiles[shown.profiles.length - 1];
  const select = el('select', { name: 'type' }, sampleTypes.map((t, i) => el('option', { value: String(i), selected: i === shown.index }, t.type)));
  select.addEventListener('change', () => {
    shown.index = Number(select.value);
    render();
  });
  return field('Value', select);
}

function setAndRender(key) {
  return (value) => {
    shown[key] = value;
    render();
  };
}

function bar() {
  const isDiff = shown.captures.length === 2;
  const set = (key, yes) => (value) => setAndRender(key)(value === yes);
  return el('div', { class: 'row viewer-bar' },
    !isDiff && chooser('View', [['flame', 'Flame graph'], ['top', 'Top'], ['text', 'Text']], shown.tab, setAndRender('tab')),
    typeSelect(),
    (isDiff || shown.tab === 'flame') && [
      chooser('Direction', [['icicle', 'Icicle'], ['up', 'Flame']], shown.isIcicle ? 'icicle' : 'up', set('isIcicle', 'icicle')),
      chooser('Begin with', [['entry', 'Entry'], ['leaf', 'Leaf']], shown.isInverted ? 'leaf' : 'entry', set('isInverted', 'leaf')),
      isDiff && swapButton(),
      !isDiff && chooser('Colour', [['cum', 'cum'], ['self', 'self']], shown.numbers, setAndRender('numbers')),
    ]);
}

// ---- what is shown ------------------------------------------------------------

function chooseFunction(row) {
  if (!row.key) return;
  showSource(parts.source, shown.profiles[shown.profiles.length - 1], shown.index, row)
    .catch((error) => fill(parts.source, problemNote(error.message)));
}

function flameLook(tree, unit) {
  const format = (v) => formatValue(v, unit), isSelf = shown.numbers === 'self';
  return {
    isIcicle: shown.isIcicle, format, colourOf: isSelf ? selfColour(largestSelf(tree)) : originColour,
    labelOf: (n) => `${n.name} ${format(isSelf ? n.self : n.value)}`,
    describe: (n) => describeCost(n, tree, format),
  };
}

function treeOf(profile) {
  const key = `${shown.index} ${shown.isInverted}`;
  if (shown.tree?.profile !== profile || shown.tree.key !== key) {
    shown.tree = { profile, key, root: buildTree(profile, shown.index, shown.isInverted) };
  }
  return shown.tree.root;
}

function showOne(profile) {
  const { unit } = profile.sampleTypes[shown.index];
  if (shown.tab === 'top') showTop(parts.main, profile, shown.index, chooseFunction);
  else if (shown.tab === 'text') fill(parts.main, el('pre', { class: 'text', tabindex: '0' }, profileText(profile, shown.index)));
  else {
    if (parts.main.firstChild !== parts.flame.node) fill(parts.main, parts.flame.node);
    const tree = treeOf(profile);
    parts.flame.show(tree, flameLook(tree, unit));
  }
}

function isEmpty(profile) {
  return profile.samples.every((s) => s.values[shown.index] === 0n);
}

function render() {
  const isDiff = shown.captures.length === 2;
  const last = shown.profiles[shown.profiles.length - 1];
  const focused = document.activeElement?.closest('.viewer-bar') && document.activeElement.value;
  parts.bar.replaceChildren(bar());
  if (focused) parts.bar.querySelector(`input:checked[value="${CSS.escape(focused)}"]`)?.focus();
  curious.hidden = isDiff || !opensInSpeedscope(last);
  parts.source.hidden = isEmpty(last);
  command.set(pprofCommand(shown.captures, last.sampleTypes[shown.index].type));
  absent.hidden = shown.captures.every(isInLab);
  if (isDiff) {
    if (parts.main.firstChild !== parts.diff.node) fill(parts.main, parts.diff.node);
    parts.diff.show(shown.captures, shown.profiles, shown);
  } else if (isEmpty(last)) {
    fill(parts.main, emptyState('This capture has no samples of that.', 'Nothing ran meanwhile, or the step does nothing of this kind. Start a load, and capture again while it runs; or choose another value.'));
  } else {
    showOne(last);
  }
}

function titleOf(capture) {
  return `${capture.id} · ${capture.kind} · step ${capture.step} · ${formatClock(capture.at)}`;
}

function buildPanel() {
  const onChoose = (node) => chooseFunction(node);
  parts = {
    bar: el('div', {}), main: el('div', { class: 'viewer-main' }), flame: makeFlameView({ onChoose }), diff: makeDiffView({ onChoose }),
    source: el('div', { class: 'viewer-source' }, emptyState('Source', 'Choose a function, and its lines come here.')),
  };
  command = commandLine('');
  absent = el('p', { class: 'quiet' }, 'The lab keeps captures of this visit only. For the command, download those of an earlier visit from the list above.');
  curious = speedscopeNote(shown.captures[0], shown.profiles[0], isInLab(shown.captures[0]));
  return el('div', { class: 'viewer-body' }, parts.bar, el('div', { class: 'viewer-two' }, parts.main, parts.source), command.node, absent, curious);
}

// What is opened meanwhile is shown instead.
async function readAndShow(captures) {
  const mine = ++opening;
  const bytes = await Promise.all(captures.map(bytesOf));
  const isText = TEXT_KINDS.has(captures[0].kind);
  const profiles = isText ? [] : await Promise.all(bytes.map((b) => readProfile(b)));
  if (mine !== opening) return false;
  const title = el('h3', { tabindex: '-1' }, captures.map(titleOf).join('  →  '));
  if (isText) {
    fill(box, title, el('pre', { class: 'text', tabindex: '0' }, new TextDecoder().decode(bytes[0])));
    return true;
  }
  Object.assign(shown, { captures, profiles, index: defaultIndex(profiles[profiles.length - 1]) });
  const panel = buildPanel();
  fill(box, title, panel);
  render();
  return true;
}

/** Opens one capture, or the difference of two: [before, after]. */
export async function openCaptures(captures) {
  box.hidden = false;
  fill(box, el('p', { class: 'quiet', role: 'status' }, 'Reading…'));
  try {
    if (!await readAndShow(captures)) return;
  } catch (error) {
    fill(box, problemNote(`It can't be shown: ${error.message}.`.replace(/\.\.$/, '.')));
  }
  box.querySelector('h3')?.focus({ preventScroll: true });
  box.scrollIntoView({ block: 'nearest' });
}

export function makeViewer() {
  box = el('div', { class: 'viewer', hidden: true });
  return box;
}
