// SPDX-License-Identifier: MIT
// The colours of boxes in a flame graph. A colour is the name of a class of page.css, so
// that dark and light are the style sheet's business.

const SHADES = 3, HEAT = 5, CHANGE = 4;

function hashName(name) {
  let hash = 0;
  for (let i = 0; i < name.length; i++) hash = (hash * 31 + name.charCodeAt(i)) >>> 0;
  return hash;
}

/** Where code comes from: 'lua' (the step's file), 'app' (the application) or 'native'. */
export function originOf(node) {
  if (/^main[./]/.test(node.name)) return 'app';
  return node.file.endsWith('.lua') ? 'lua' : 'native';
}

/** By origin: the step's own code stands out. */
export function originColour(node) {
  if (!node.parent) return 'root';
  return `${originOf(node)}${hashName(node.name) % SHADES}`;
}

/** By how much the function has cost itself; `most` is the largest of all. */
export function selfColour(most) {
  return (node) => {
    const share = most === 0 ? 0 : Math.abs(Number(node.self)) / most;
    return share === 0 ? 'heat0' : `heat${Math.min(HEAT - 1, 1 + Math.floor(share * (HEAT - 1)))}`;
  };
}

/** By how much the node has changed; `largest` is the largest change of all. */
export function changeColour(largest) {
  return (node) => {
    const share = largest === 0 ? 0 : node.change / largest;
    const step = Math.min(CHANGE, Math.ceil(Math.abs(share) * CHANGE));
    if (step === 0 || Math.abs(share) < 0.005) return 'same';
    return `${share > 0 ? 'more' : 'less'}${step}`;
  };
}

/** The largest self of a tree. */
export function largestSelf(node) {
  return node.children.reduce((most, child) => Math.max(most, largestSelf(child)), Math.abs(Number(node.self)));
}
