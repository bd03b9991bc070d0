// SPDX-License-Identifier: MIT
// Nodes of the page. All texts become text nodes: nothing that comes from the lab is
// ever read as HTML.

const SVG = 'http://www.w3.org/2000/svg';

function applyProps(node, props) {
  for (const [name, value] of Object.entries(props)) {
    if (value === undefined || value === false || value === null) continue;
    if (name.startsWith('on')) node.addEventListener(name.slice(2), value);
    else if (name in node && typeof value !== 'string' && !(node instanceof SVGElement)) node[name] = value;
    else node.setAttribute(name, value === true ? '' : String(value));
  }
}

function appendAll(node, children) {
  for (const child of children.flat(Infinity)) {
    if (child !== undefined && child !== null && child !== false) node.append(child);
  }
  return node;
}

/** el('button', { class: 'main', onclick: f }, 'Go') */
export function el(name, props = {}, ...children) {
  const node = document.createElement(name);
  applyProps(node, props);
  return appendAll(node, children);
}

export function svgEl(name, props = {}, ...children) {
  const node = document.createElementNS(SVG, name);
  applyProps(node, props);
  return appendAll(node, children);
}

/** Replaces what is in the node. */
export function fill(node, ...children) {
  node.replaceChildren();
  return appendAll(node, children);
}

/** Sets the text only if it is another one, so that a selection in it survives. */
export function setText(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

let lastId = 0;

export function newId(stem) {
  return `${stem}-${++lastId}`;
}

/** A form field under its label; `control` is an input, a select... */
export function field(label, control, help) {
  control.id ||= newId('f');
  const text = el('label', { for: control.id }, label);
  if (!help) return el('div', { class: 'field' }, text, control);
  const note = el('small', { id: `${control.id}-help` }, help);
  control.setAttribute('aria-describedby', note.id);
  return el('div', { class: 'field' }, text, control, note);
}

export function checkbox(label, props = {}) {
  const box = el('input', { type: 'checkbox', ...props });
  return { box, node: el('label', { class: 'check' }, box, label) };
}

/** Says a sentence to those who don't see the page. */
export function announce(text) {
  let live = document.getElementById('live');
  if (!live) {
    live = el('div', { id: 'live', class: 'unseen', role: 'status' });
    document.body.append(live);
  }
  live.textContent = text;
}

function selectText(node) {
  const range = document.createRange();
  range.selectNodeContents(node);
  const selection = window.getSelection();
  selection.removeAllRanges();
  selection.addRange(range);
}

async function copyText(code, button) {
  try {
    await navigator.clipboard.writeText(code.textContent);
    button.textContent = 'Copied';
  } catch {
    selectText(code); // pages without https mayn't copy
    button.textContent = 'Selected';
  }
  announce(`${button.textContent}.`);
  setTimeout(() => { button.textContent = 'Copy'; }, 1500);
}

/** A command to copy. `set` changes it. */
export function commandLine(text) {
  const code = el('code', { tabindex: '0' }, text);
  const button = el('button', { type: 'button', class: 'copy', 'aria-label': 'Copy the command' }, 'Copy');
  button.addEventListener('click', () => copyText(code, button));
  const node = el('div', { class: 'command' }, code, button);
  return { node, set: (next) => setText(code, next) };
}

/** What stands where nothing is yet: what it is, and what to do next. */
export function emptyState(title, next) {
  return el('div', { class: 'empty' }, el('strong', {}, title), el('p', {}, next));
}

/** A sentence about what went wrong. */
export function problemNote(text) {
  return el('p', { class: 'problem', role: 'alert' }, text);
}

/**
 * Buttons of which one is chosen: options are [value, label]. Arrow keys go from one to
 * the next, as in a group of radio buttons.
 */
export function chooser(label, options, value, onChange) {
  const name = newId('choose');
  const node = el('div', { class: 'chooser', role: 'radiogroup', 'aria-label': label });
  for (const [key, text] of options) {
    const input = el('input', { type: 'radio', name, value: key, checked: key === value });
    input.addEventListener('change', () => onChange(key));
    node.append(el('label', {}, input, el('span', {}, text)));
  }
  return node;
}
