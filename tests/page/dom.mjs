// SPDX-License-Identifier: MIT
// As much of a browser as the page's sections need: nodes that can be clicked and read.
// And a lab whose answers wait until the test gives them.

class Node extends EventTarget {
  parentNode = null;

  remove() {
    if (this.parentNode) this.parentNode.childNodes = this.parentNode.childNodes.filter((n) => n !== this);
    this.parentNode = null;
  }
}

class Text extends Node {
  constructor(text) {
    super();
    this.textContent = text;
  }
}

// One part of a selector: tag#id.class[name="value"]:checked
function matchesPart(node, part) {
  const tests = part.match(/^[\w-]+|#[\w-]+|\.[\w-]+|\[[\w-]+(?:="?[^\]"]*"?)?\]|:checked/g) ?? [];
  return tests.every((test) => {
    if (test === ':checked') return node.checked;
    if (test[0] === '#') return node.getAttribute('id') === test.slice(1);
    if (test[0] === '.') return node.className.split(' ').includes(test.slice(1));
    if (test[0] !== '[') return node.localName === test;
    const [, name, value] = test.match(/^\[([\w-]+)(?:="?([^\]"]*)"?)?\]$/);
    return value === undefined ? node.getAttribute(name) !== null : node.getAttribute(name) === value;
  });
}

function matches(node, selector) {
  const parts = selector.match(/(?:\[[^\]]*\]|[^\s[])+/g);
  if (!matchesPart(node, parts.pop())) return false;
  for (let at = node.parentNode; parts.length > 0 && at; at = at.parentNode) {
    if (matchesPart(at, parts[parts.length - 1])) parts.pop();
  }
  return parts.length === 0;
}

const FORM_NODES = new Set(['button', 'input', 'select', 'option']);

class Element extends Node {
  childNodes = [];
  attributes = new Map();
  hidden = false;
  tabIndex = 0;

  constructor(localName) {
    super();
    this.localName = localName;
    if (FORM_NODES.has(localName)) Object.assign(this, { disabled: false, checked: false, selected: false, required: false });
    this.classList = { add: () => {}, remove: () => {}, toggle: () => {} };
  }

  get className() { return this.getAttribute('class') ?? ''; }

  set className(text) { this.setAttribute('class', text); }

  get id() { return this.getAttribute('id') ?? ''; }

  set id(text) { this.setAttribute('id', text); }

  get dataset() {
    return new Proxy({}, {
      get: (_, name) => this.getAttribute(`data-${name}`) ?? undefined,
      set: (_, name, value) => { this.setAttribute(`data-${name}`, value); return true; },
      deleteProperty: (_, name) => { this.removeAttribute(`data-${name}`); return true; },
    });
  }

  get children() { return this.childNodes.filter((n) => n instanceof Element); }

  get firstChild() { return this.childNodes[0] ?? null; }

  get isConnected() { return this === document.body || (this.parentNode?.isConnected ?? false); }

  get textContent() { return this.childNodes.map((n) => n.textContent).join(''); }

  set textContent(text) { this.replaceChildren(text); }

  // A select has the value of the option that is chosen, or else of its first one.
  get value() {
    if (this.localName !== 'select') return this.ownValue ?? this.getAttribute('value') ?? '';
    const values = this.children.map((option) => option.value);
    return values.includes(this.ownValue) ? this.ownValue : values[0] ?? '';
  }

  set value(text) { this.ownValue = text; }

  setAttribute(name, value) { this.attributes.set(name, String(value)); }

  getAttribute(name) { return this.attributes.get(name) ?? null; }

  removeAttribute(name) { this.attributes.delete(name); }

  append(...nodes) {
    for (const node of nodes.map((n) => n instanceof Node ? n : new Text(String(n)))) {
      node.remove();
      node.parentNode = this;
      this.childNodes.push(node);
    }
  }

  replaceChildren(...nodes) {
    for (const node of [...this.childNodes]) node.remove();
    this.append(...nodes);
  }

  querySelectorAll(selector) {
    const own = this.children.flatMap((child) => [child, ...child.querySelectorAll('*')]);
    return selector === '*' ? own : own.filter((n) => selector.split(',').some((one) => matches(n, one)));
  }

  querySelector(selector) { return this.querySelectorAll(selector)[0] ?? null; }

  focus() { document.activeElement = this; }

  scrollIntoView() {}

  click() { if (!this.disabled) this.dispatchEvent(new Event('click')); }

  submit() { this.dispatchEvent(new Event('submit', { cancelable: true })); }

  reset() {
    for (const node of this.querySelectorAll('*')) Object.assign(node, { ownValue: undefined, checked: false });
  }
}

class SVGElement extends Element {}

const body = new Element('body');

Object.assign(globalThis, {
  SVGElement, location: { origin: 'http://localhost:6060' },
  document: {
    body, hidden: false, activeElement: body, createElement: (name) => new Element(name),
    createElementNS: (_, name) => new SVGElement(name), addEventListener: () => {},
    getElementById: (id) => body.querySelector(`#${id}`), querySelector: (selector) => body.querySelector(selector),
  },
});
globalThis.window = globalThis;

/** A node of the page. */
export function makeBox() {
  const box = new Element('div');
  body.append(box);
  return box;
}

// ---- the lab ------------------------------------------------------------------

/** Questions without an answer: { method, path, body }. */
export const asked = [];

globalThis.fetch = (path, { method = 'GET', body: sent } = {}) => new Promise((resolve, reject) => {
  asked.push({ method, path: String(path), sent: sent && String(sent), resolve, reject });
});

/** Lets all that was waiting for an answer go on. */
export async function settle() {
  for (let i = 0; i < 20; i++) await new Promise((resolve) => setImmediate(resolve));
}

function takeQuestion(path, method) {
  const i = asked.findIndex((question) => question.path === path && question.method === method);
  if (i < 0) throw new Error(`nobody has asked for ${method} ${path}, but for ${asked.map((q) => q.path)}`);
  return asked.splice(i, 1)[0];
}

/** Answers the oldest question for the path: with JSON, or with a text and its status. */
export async function answer(path, content, { method = 'GET', status = 200, headers = {} } = {}) {
  const isText = typeof content === 'string' || content instanceof Uint8Array;
  takeQuestion(path, method).resolve(new Response(isText ? content : JSON.stringify(content), { status, headers }));
  await settle();
}

/** The lab can't be reached. */
export async function fail(path, method = 'GET') {
  takeQuestion(path, method).reject(new TypeError('fetch failed'));
  await settle();
}

export function countAsked(path, method = 'GET') {
  return asked.filter((question) => question.path === path && question.method === method).length;
}
