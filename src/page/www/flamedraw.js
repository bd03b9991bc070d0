// SPDX-License-Identifier: MIT
// Draws the boxes of a flame graph into an SVG. All boxes of one colour are one path, so
// a frame of an animation costs little, however many boxes there are.

import { svgEl, setText } from './dom.js';

export const ROW = 20; // height of a box with its gap
const GAP = 1, TEXT_FROM = 34, PADDING = 4; // px

// As wide as a letter of the graph's font.
function measureLetter(svg) {
  const probe = svgEl('text', { class: 'box-text' }, 'mmmmmmmmmm');
  svg.append(probe);
  const width = probe.getComputedTextLength() / 10;
  probe.remove();
  return width || 7;
}

function rectPath({ x, width }, y, size) {
  const left = Math.round(x * size * 10) / 10;
  const wide = Math.max(1, Math.round((width * size - (width * size > 3 ? GAP : 0)) * 10) / 10);
  return `M${left} ${y}h${wide}v${ROW - GAP}h${-wide}z`;
}

/** "a long na…" as wide as so many letters, or '' if that says nothing. */
export function fitText(text, letters) {
  if (text.length <= letters) return text;
  return letters < 3 ? '' : `${text.slice(0, letters - 1)}…`;
}

// A function that shows a list of { text, colour, x, y } in the group, with as few new
// nodes as possible.
function makeTextPool(group) {
  const nodes = [];
  return (list) => {
    while (nodes.length > list.length) nodes.pop().remove();
    for (const [i, { text, colour, x, y }] of list.entries()) {
      if (i === nodes.length) {
        nodes.push(svgEl('text', {}));
        group.append(nodes[i]);
      }
      nodes[i].setAttribute('class', `box-text on-${colour}`);
      nodes[i].setAttribute('x', x.toFixed(1));
      nodes[i].setAttribute('y', String(y));
      setText(nodes[i], text);
    }
  };
}

// A function that shows shapes, a Map from colour to path.
function makePathPool(group) {
  const paths = new Map();
  return (shapes) => {
    for (const [colour, path] of paths) if (!shapes.has(colour)) path.setAttribute('d', '');
    for (const [colour, shape] of shapes) {
      if (!paths.has(colour)) {
        paths.set(colour, svgEl('path', { class: `box ${colour}` }));
        group.append(paths.get(colour));
      }
      paths.get(colour).setAttribute('d', shape);
    }
  };
}

/** A drawing { svg, draw(boxes, options), outline(name, box) }. */
export function makeDrawing(label) {
  const boxGroup = svgEl('g', {}), textGroup = svgEl('g', { 'aria-hidden': 'true' });
  const outlines = { hover: svgEl('rect', { class: 'outline hover', hidden: true }), chosen: svgEl('rect', { class: 'outline chosen', hidden: true }) };
  const svg = svgEl('svg', { class: 'flame', tabindex: '0', role: 'application', 'aria-label': label },
    boxGroup, textGroup, outlines.hover, outlines.chosen);
  const showPaths = makePathPool(boxGroup), showTexts = makeTextPool(textGroup);
  let letter, geometry = { width: 0, height: 0, isIcicle: true };

  const topOf = (depth) => geometry.isIcicle ? depth * ROW : geometry.height - (depth + 1) * ROW;

  function shapesOf(boxes, colourOf) {
    const shapes = new Map();
    for (const box of boxes) {
      const colour = box.isRun ? 'many' : colourOf(box.node);
      shapes.set(colour, (shapes.get(colour) ?? '') + rectPath(box, topOf(box.depth), geometry.width));
    }
    return shapes;
  }

  // '' where the box is too narrow for a text.
  function textIn(box, labelOf) {
    const wide = box.width * geometry.width;
    return wide < TEXT_FROM || box.isRun ? '' : fitText(labelOf(box.node), Math.floor((wide - 2 * PADDING) / letter));
  }

  /** options: { width (px), depth (rows), isIcicle, colourOf(node), labelOf(node) } */
  function draw(boxes, options) {
    letter ??= measureLetter(svg);
    const height = Math.max(1, options.depth) * ROW;
    if (geometry.width !== options.width || geometry.height !== height) {
      svg.setAttribute('viewBox', `0 0 ${options.width} ${height}`);
      svg.setAttribute('width', String(options.width));
      svg.setAttribute('height', String(height));
    }
    geometry = { width: options.width, height, isIcicle: options.isIcicle };
    showPaths(shapesOf(boxes, options.colourOf));
    showTexts(boxes.map((box) => ({
      text: textIn(box, options.labelOf), colour: options.colourOf(box.node),
      x: box.x * geometry.width + PADDING, y: topOf(box.depth) + ROW - 6,
    })).filter(({ text }) => text));
  }

  /** Shows which box is meant; without a box the outline is gone. */
  function outline(name, box) {
    const rect = outlines[name];
    rect.toggleAttribute('hidden', !box);
    if (!box) return;
    rect.setAttribute('x', String(box.x * geometry.width));
    rect.setAttribute('y', String(topOf(box.depth)));
    rect.setAttribute('width', String(Math.max(2, box.width * geometry.width - GAP)));
    rect.setAttribute('height', String(ROW - GAP));
  }

  /** Where a point of the screen is: { x from 0 to 1, depth }. */
  function locate(event) {
    const box = svg.getBoundingClientRect();
    const row = Math.floor((event.clientY - box.top) / ROW);
    const rows = Math.round(geometry.height / ROW);
    return { x: (event.clientX - box.left) / box.width, depth: geometry.isIcicle ? row : rows - 1 - row };
  }

  return { svg, draw, outline, locate };
}
