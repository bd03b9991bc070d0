// SPDX-License-Identifier: MIT
// Shows the Markdown of solutions and hints as nodes: headings, paragraphs, lists,
// quotes, tables, code. What it doesn't know stays text.

import { el } from './dom.js';

const INLINE = /`([^`]+)`|\*\*([^*]+)\*\*|\*([^*\s][^*]*)\*|\[([^\]]+)\]\(([^)\s]+)\)/g;

function linkNode(text, target) {
  return /^https?:\/\//.test(target) ? el('a', { href: target, rel: 'noreferrer' }, text) : text;
}

/** A line of text as nodes. */
export function inlineNodes(text) {
  const nodes = [];
  let at = 0;
  for (const found of text.matchAll(INLINE)) {
    const [whole, code, strong, emphasis, link, target] = found;
    nodes.push(text.slice(at, found.index));
    if (code !== undefined) nodes.push(el('code', {}, code));
    else if (strong !== undefined) nodes.push(el('strong', {}, inlineNodes(strong)));
    else if (emphasis !== undefined) nodes.push(el('em', {}, emphasis));
    else nodes.push(linkNode(link, target));
    at = found.index + whole.length;
  }
  nodes.push(text.slice(at));
  return nodes.filter((n) => n !== '');
}

const LIST = /^\s*([-*]|\d+\.)\s+/;

/** Blocks { kind, lines, level?, isOrdered? } of the text. */
export function splitBlocks(text) {
  const blocks = [], lines = text.replaceAll('\r', '').split('\n');
  let i = 0;
  const takeWhile = (kind, test, more = {}) => {
    const taken = [];
    while (i < lines.length && test(lines[i])) taken.push(lines[i++]);
    blocks.push({ kind, lines: taken, ...more });
  };
  while (i < lines.length) {
    const line = lines[i];
    const heading = line.match(/^(#{1,6})\s+(.*)$/);
    if (line.trim() === '') i++;
    else if (/^```/.test(line)) {
      i++;
      takeWhile('code', (l) => !/^```/.test(l));
      i++;
    } else if (heading) {
      blocks.push({ kind: 'heading', level: heading[1].length, lines: [heading[2]] });
      i++;
    } else if (/^>/.test(line)) takeWhile('quote', (l) => /^>/.test(l));
    else if (/^\|/.test(line)) takeWhile('table', (l) => /^\|/.test(l));
    else if (LIST.test(line)) takeWhile('list', (l) => l.trim() !== '' && !/^```/.test(l), { isOrdered: /^\s*\d/.test(line) });
    else takeWhile('paragraph', (l) => l.trim() !== '' && !/^(```|#{1,6}\s|>|\|)/.test(l));
  }
  return blocks;
}

function listItems(lines) {
  const items = [];
  for (const line of lines) {
    if (LIST.test(line)) items.push(line.replace(LIST, ''));
    else items[items.length - 1] += ` ${line.trim()}`;
  }
  return items.map((item) => el('li', {}, inlineNodes(item)));
}

function tableNode(lines) {
  const cells = (line) => line.replace(/^\||\|\s*$/g, '').split('|').map((c) => c.trim());
  const rows = lines.filter((line) => !/^\|[\s:|-]+$/.test(line)).map(cells);
  const [head = [], ...body] = rows;
  return el('div', { class: 'table-scroll', tabindex: '0', role: 'region', 'aria-label': 'Table' }, el('table', {},
    el('thead', {}, el('tr', {}, head.map((c) => el('th', { scope: 'col' }, inlineNodes(c))))),
    el('tbody', {}, body.map((r) => el('tr', {}, r.map((c) => el('td', {}, inlineNodes(c))))))));
}

function blockNode(block, topLevel) {
  const text = block.lines.join(' ');
  switch (block.kind) {
    case 'heading': return el(`h${Math.min(6, block.level + topLevel - 1)}`, {}, inlineNodes(text));
    case 'code': return el('pre', { tabindex: '0' }, el('code', {}, block.lines.join('\n')));
    case 'quote': return el('blockquote', {}, el('p', {}, inlineNodes(block.lines.map((l) => l.replace(/^>\s?/, '')).join(' '))));
    case 'table': return tableNode(block.lines);
    case 'list': return el(block.isOrdered ? 'ol' : 'ul', {}, listItems(block.lines));
    default: return el('p', {}, inlineNodes(text));
  }
}

/** The nodes of the text; its first heading is one of the level given. */
export function markdownNodes(text, topLevel = 3) {
  return splitBlocks(text).map((block) => blockNode(block, topLevel));
}

/** [what is before it, the question at its end]; the question may be ''. */
export function splitQuestion(text) {
  const found = text.trim().match(/^(.*[.!:;?)`]\s+)?([^.!?]*(?:`[^`]*`[^.!?]*)*\?)$/s);
  return found ? [(found[1] ?? '').trim(), found[2].trim()] : [text.trim(), ''];
}
