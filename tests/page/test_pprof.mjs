// SPDX-License-Identifier: MIT
// Profiles of a running lab: their top is that of go tool pprof -top, with all names,
// flat and cum to the last digit, in the same order. And the flame graph's sums are top's.
import test from 'node:test';
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { defaultIndex, readProfile } from '../../src/page/www/profile.js';
import { sumOf, topRows } from '../../src/page/www/top.js';
import { buildTree, countNodes } from '../../src/page/www/flame.js';
import { startLab, whyNot } from './lab.mjs';

const run = promisify(execFile);

// [step, requests, what is fetched at the same time]. Those with seconds are recorded
// while requests are answered: at least so many, and until they are there, so that
// a fast machine's have samples, too.
const PLAN = [
  [1, 3, ['goroutine', 'allocs?since=start', 'block?seconds=2', 'mutex', 'wall?seconds=2']],
  [2, 3, ['goroutine', 'profile?seconds=2', 'wall?seconds=2', 'mutex?seconds=2', 'threadcreate']],
  [3, 4, ['heap', 'allocs', 'profile?seconds=2&hz=500', 'heap?seconds=2']],
  [4, 4, ['heap', 'allocs?seconds=2', 'heap?seconds=2', 'profile?seconds=2']],
  [5, 5, ['goroutine', 'goroutine?seconds=2', 'goroutineleak', 'block', 'wall?seconds=2']],
  [6, 5, ['lab.OpenFiles', 'threadcreate', 'heap?gc=1', 'goroutine', 'allocs?since=start', 'heap?since=start']],
];
const UNITS = { bytes: 'B', nanoseconds: 'ns' };

async function getBytes(url) {
  const answer = await fetch(url);
  assert.equal(answer.status, 200, url);
  return new Uint8Array(await answer.arrayBuffer());
}

// Requests that hang are given up: step 1 answers none.
async function sendRequests(lab, n, isEnough = () => true) {
  for (let i = 0; i < n || !isEnough(); i++) {
    await fetch(lab.url, { signal: AbortSignal.timeout(1000) }).catch(() => {});
  }
}

async function takeProfiles(lab) {
  const taken = [];
  for (const [step, requests, names] of PLAN) {
    assert.equal((await fetch(`${lab.url}/goto?step=${step}`, { method: 'POST' })).status, 200);
    const recorded = names.filter((n) => n.includes('seconds')).map((n) => [n, getBytes(`${lab.url}/debug/pprof/${n}`)]);
    let isRecorded = false;
    Promise.allSettled(recorded.map(([, answer]) => answer)).then(() => { isRecorded = true; });
    await sendRequests(lab, requests, () => isRecorded);
    const now = names.filter((n) => !n.includes('seconds')).map((n) => [n, getBytes(`${lab.url}/debug/pprof/${n}`)]);
    for (const [name, bytes] of [...recorded, ...now]) taken.push({ name: `step ${step} ${name}`, bytes: await bytes });
  }
  return taken;
}

// What is given back while it is recorded has values below 0.
async function takeNegative(lab) {
  await fetch(`${lab.url}/goto?step=3`, { method: 'POST' });
  await sendRequests(lab, 2);
  const delta = getBytes(`${lab.url}/debug/pprof/heap?seconds=2&since=start`);
  await new Promise((resolve) => setTimeout(resolve, 500));
  await fetch(`${lab.url}/goto?step=0`, { method: 'POST' });
  return { name: 'step 3 to 0', bytes: await delta };
}

// Rows [flat, cum, name] as pprof prints them.
async function askPprof(file, type) {
  const unit = UNITS[type.unit];
  const words = ['tool', 'pprof', '-top', '-nodecount=100000', '-nodefraction=0', '-edgefraction=0', '-symbolize=none',
    ...unit ? [`-unit=${unit}`] : [], `-sample_index=${type.type}`, file];
  const { stdout } = await run('go', words, { env: { ...process.env, PPROF_TMPDIR: '/nonexistent' } });
  const lines = stdout.split('\n');
  const rows = lines.slice(lines.findIndex((l) => /^\s+flat\s+flat%/.test(l)) + 1).filter(Boolean);
  const number = (text) => text.replace(/(B|ns)$/, '');
  return rows.map((line) => {
    const [, flat, cum, name] = line.match(/^\s*(\S+)\s+\S+%\s+\S+%\s+(\S+)\s+\S+%\s+(.*)$/);
    return [number(flat), number(cum), name.replace(/ \((partial-)?inline\)$/, '')];
  });
}

// Sums of a tree: the root's, and of each function where it is met first on a path.
function sumTree(node, seen, cums) {
  const isFirst = node.parent && !seen.has(node.key);
  if (isFirst) {
    cums.set(node.key, (cums.get(node.key) ?? 0n) + node.value);
    seen.add(node.key);
  }
  for (const child of node.children) sumTree(child, seen, cums);
  if (isFirst) seen.delete(node.key);
  return cums;
}

function checkTrees(profile, index, rows, what) {
  for (const isInverted of [false, true]) {
    const tree = buildTree(profile, index, isInverted);
    assert.equal(tree.value, sumOf(profile, index), what);
    const cums = sumTree(tree, new Set(), new Map());
    for (const row of rows) assert.equal(cums.get(row.key) ?? 0n, row.cum, `${what}: ${row.name}`);
  }
}

test('top agrees with go tool pprof -top', { skip: whyNot('go') }, async (t) => {
  // Short requests: how long they compute is no matter here.
  const lab = await startLab('--memprofile-rate', '4096', '--param', '2.seconds=0.5', '--param', '3.rounds=1',
    '--param', '4.rounds=1');
  t.after(lab.stop);
  const taken = [...await takeProfiles(lab), await takeNegative(lab)];
  let compared = 0, negative = 0, nodes = 0;
  for (const [i, { name, bytes }] of taken.entries()) {
    const file = join(lab.dir, `${i}.pb.gz`);
    await writeFile(file, bytes);
    const profile = await readProfile(bytes);
    for (const [index, type] of profile.sampleTypes.entries()) {
      const what = `${name} ${type.type}`;
      const rows = topRows(profile, index);
      assert.deepEqual(rows.map((r) => [String(r.flat), String(r.cum), r.name]), await askPprof(file, type), what);
      checkTrees(profile, index, rows, what);
      nodes += countNodes(buildTree(profile, index));
      if (rows.some((r) => r.flat < 0n)) negative++;
      if (index === defaultIndex(profile) && rows.length > 0) compared++;
    }
  }
  t.diagnostic(`${taken.length} profiles, ${compared} with samples, ${negative} with negative values, ${nodes} nodes`);
  assert.ok(negative >= 1, 'no profile has negative values');
  assert.ok(compared >= 18, `only ${compared} profiles have samples`); // 9 have nothing to tell
});
