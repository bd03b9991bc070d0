// SPDX-License-Identifier: MIT
// What the page shows of numbers, texts, charts and commands, where no browser is needed.
import test from 'node:test';
import assert from 'node:assert/strict';
import { exactValue, formatBytes, formatChange, formatCount, formatPercent, formatSeconds, formatSince, formatValue } from '../../src/page/www/format.js';
import { largestValue, linePath, nearestPoint, roundUp } from '../../src/page/www/charts.js';
import { layOutHistogram } from '../../src/page/www/histogram.js';
import { splitBlocks, splitQuestion } from '../../src/page/www/markdown.js';
import { changeColour, originOf, selfColour } from '../../src/page/www/flamecolour.js';
import { fitText } from '../../src/page/www/flamedraw.js';

globalThis.location = { origin: 'http://localhost:6060' };
const { curlOf, gotoAction, profilePath, shellLine } = await import('../../src/page/www/api.js');
const { pprofCommand } = await import('../../src/page/www/viewer.js');
const { opensInSpeedscope, speedscopeUrl } = await import('../../src/page/www/speedscope.js');
const { fileNameOf } = await import('../../src/page/www/keep.js');
const { tell } = await import('../../src/page/www/state.js');
const { progressText, verdictOf } = await import('../../src/page/www/repair.js');

test('numbers have three digits and a unit', () => {
  assert.deepEqual([0, 1023, 1536, 10485760, 123456789].map(formatBytes), ['0 B', '1023 B', '1.50 KiB', '10 MiB', '118 MiB']);
  assert.deepEqual([0, 3e-9, 0.0012, 0.25, 5, 300, 9000].map(formatSeconds), ['0 s', '3 ns', '1.20 ms', '250 ms', '5 s', '5 min', '2.50 h']);
  assert.deepEqual([5, 12345, 2500000, 0.5].map(formatCount), ['5', '12.3 k', '2.50 M', '0.50']);
  assert.equal(formatValue(2500000n, 'nanoseconds'), '2.50 ms');
  assert.equal(formatValue(-1048576n, 'bytes'), '-1 MiB');
  assert.deepEqual([formatChange(5, 'count'), formatChange(-5, 'count'), formatChange(0, 'count')], ['+5', '−5', '0']);
  assert.equal(exactValue(9007199254740993n, 'bytes'), '9007199254740993 bytes');
  assert.deepEqual([formatPercent(1n, 3n), formatPercent(3n, 3n), formatPercent(1, 0)], ['33.3 %', '100 %', '0 %']);
  assert.deepEqual([formatSince(59), formatSince(61), formatSince(3700)], ['59 s', '1 min 1 s', '1 h 1 min']);
});

test('a chart: its axis, its lines, what the pointer shows', () => {
  assert.deepEqual([0, 3, 10, 11, 0.02].map((v) => roundUp(v)), [1, 5, 10, 20, 0.02]);
  assert.equal(roundUp(65 << 20, true), 128 << 20);
  const points = [[0, 1], [90, 2], [135, undefined], [180, 4]];
  assert.equal(linePath(points, 1, 180, 4), 'M0.0 43.0L150.0 30.0M300.0 4.0');
  assert.equal(largestValue(points, 1, [0, 9]), 9);
  assert.equal(largestValue(points, 1, undefined), 4);
  assert.deepEqual(nearestPoint(points, 100), [90, 2]);
  assert.equal(nearestPoint([], 1), undefined);
});

test('a histogram: bars side by side, p50 among them', () => {
  const { bars, at } = layOutHistogram([[0.001, 5], [0.01, 10], [0.1, 1]]);
  assert.deepEqual(bars.map((b) => b.height), [0.5, 1, 0.1]);
  for (const [i, bar] of bars.entries()) {
    assert.ok(bar.x >= 0 && bar.x + bar.width <= 1);
    if (i > 0) assert.ok(Math.abs(bars[i - 1].x + bars[i - 1].width - bar.x) < 1e-9);
  }
  const alone = layOutHistogram([[15, 3]]); // from 10 to 15 seconds
  assert.ok(alone.at(10.1) > alone.bars[0].x && alone.at(14.9) < alone.bars[0].x + alone.bars[0].width);
  assert.ok(at(0.005) > bars[1].x && at(0.005) < bars[1].x + bars[1].width);
});

test('the check of a repair: how far it is, its verdict, and why there is none', () => {
  assert.equal(progressText({ percent: 0, seconds: 0.4, left_s: null }), '0 % after 0 s');
  assert.equal(progressText({ percent: 40, seconds: 12.9, left_s: 17.2 }), '40 % after 12 s, about 18 s more');
  const report = { verdict: 'still there', says: 'These hold:', reasons: ['cpu under f'], note: 'x fixed is' };
  assert.deepEqual(verdictOf({ report, note: '' }), { kind: 'wrong', title: 'Still there', says: 'These hold:', reasons: ['cpu under f'], notes: ['x fixed is'] });
  assert.deepEqual(verdictOf({ report: { verdict: 'repaired', says: 'Gone.', reasons: [] }, note: 'not kept' }), { kind: 'solved', title: 'Repaired', says: 'Gone.', reasons: [], notes: ['not kept'] });
  assert.deepEqual(verdictOf({ error: 'it was ended' }), { kind: 'invalid', title: 'No verdict', says: 'it was ended', reasons: [], notes: [] });
});

test('commands can be pasted into a shell', () => {
  assert.equal(curlOf(gotoAction(3)), 'curl -X POST \'http://localhost:6060/goto?step=3\'');
  assert.equal(curlOf(gotoAction(3, { text: 'it\'s & more' })), 'curl -X POST \'http://localhost:6060/goto?step=3&text=it%27s+%26+more\'');
  assert.equal(curlOf({ path: '/lab/captures?format=json' }), 'curl http://localhost:6060/lab/captures');
  assert.equal(curlOf({ path: profilePath('heap', { gc: 1 }), output: 'heap.pb.gz' }), 'curl -o heap.pb.gz \'http://localhost:6060/debug/pprof/heap?gc=1\'');
  assert.equal(curlOf({ method: 'POST', path: '/lab/answer', form: { class: 'cpu.hot', where: 'a b', evidence: ['c1', 'c2'], number: '' } }),
    'curl -d class=cpu.hot -d \'where=a b\' -d evidence=c1 -d evidence=c2 http://localhost:6060/lab/answer');
  assert.equal(shellLine(['a\'b; rm $x']), '\'a\'\\\'\'b; rm $x\'');
});

test('pprof is given addresses of captures of this visit, and downloads of others', () => {
  const fault = { id: 'c1', attempt: 'aa', slug: 'archive', kind: 'heap' }, twin = { ...fault, id: 'c2', attempt: 'bb' };
  tell('captures', { attempt: 'bb', captures: [fault, twin] });
  const twinUrl = '\'http://localhost:6060/lab/captures?id=c2\'';
  assert.equal(pprofCommand([twin], 'inuse_space'), `go tool pprof -http=: -sample_index=inuse_space ${twinUrl}`);
  assert.equal(pprofCommand([fault, twin]), `go tool pprof -http=: -base archive-heap-c1.pb.gz ${twinUrl}`);
  assert.equal(pprofCommand([twin, fault]), `go tool pprof -http=: -base ${twinUrl} archive-heap-c1.pb.gz`);
  assert.equal(fileNameOf({ ...twin, kind: 'metrics' }), 'archive-metrics-c2.txt');
});

test('Markdown becomes blocks, and nothing is lost', () => {
  const blocks = splitBlocks('# A\n\ntext\nmore\n```console\n$ x\n# no heading\n```\n- one\n  on\n- two\n\n| a | b |\n| --- | --- |\n> quote');
  assert.deepEqual(blocks.map((b) => b.kind), ['heading', 'paragraph', 'code', 'list', 'table', 'quote']);
  assert.deepEqual(blocks[2].lines, ['$ x', '# no heading']);
  assert.deepEqual(splitBlocks('```\nnever closed').map((b) => b.kind), ['code']);
  assert.deepEqual(splitBlocks('####### seven').map((b) => b.kind), ['paragraph']);
});

test('a hint ends in its question', () => {
  assert.deepEqual(splitQuestion('Look at it. Which one grows, and does it end?'), ['Look at it.', 'Which one grows, and does it end?']);
  assert.deepEqual(splitQuestion('No question here.'), ['No question here.', '']);
  assert.deepEqual(splitQuestion('What is it?'), ['', 'What is it?']);
});

test('colours', () => {
  assert.equal(originOf({ name: 'main.handler', file: 'diaglab/main.lua' }), 'app');
  assert.equal(originOf({ name: 'main/giving.settle', file: 'diaglab/giving.lua' }), 'app');
  assert.equal(originOf({ name: 'archive.leakMemory', file: '/x/scenario.lua' }), 'lua');
  assert.equal(originOf({ name: 'lab_copy', file: 'a.c' }), 'native');
  const colour = changeColour(100);
  assert.deepEqual([100, 30, 0, -100].map((change) => colour({ change })), ['more4', 'more2', 'same', 'less4']);
  assert.deepEqual([0n, 1n, 10n].map((self) => selfColour(10)({ self })), ['heat0', 'heat1', 'heat4']);
  assert.deepEqual([fitText('leakMemory', 20), fitText('leakMemory', 5), fitText('leakMemory', 2)], ['leakMemory', 'leak…', '']);
});

test('speedscope is offered what it can show, with the place of the file', () => {
  const profile = (...values) => ({ sampleTypes: [{ type: 'a' }, { type: 'b' }], defaultSampleType: 'a', samples: values.map((v) => ({ values: v })) });
  assert.ok(opensInSpeedscope(profile([1n, 0n])));
  assert.ok(!opensInSpeedscope(profile()), 'it shows nothing of an empty profile');
  assert.ok(!opensInSpeedscope(profile([0n, 5n])), 'nor where the value that it shows is always 0');
  assert.ok(!opensInSpeedscope(profile([1n, 0n], [1n, -1n])), 'it fails with values below 0');
  assert.equal(speedscopeUrl('/v/index.html', { id: 'c1', kind: 'heap' }, 'inuse_space'),
    '/v/index.html#profileURL=%2Flab%2Fcaptures%3Fid%3Dc1&title=c1%20heap%20(inuse_space)&view=left-heavy');
  assert.equal(speedscopeUrl('/v/index.html'), '/v/index.html');
});
