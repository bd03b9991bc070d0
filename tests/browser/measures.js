// SPDX-License-Identifier: MIT
// What is measured on the page: its weight, how soon it is painted, what moves, and how
// smoothly a large flame graph zooms. And its looks: narrow, wide, dark; hostile texts.
'use strict';
const path = require('node:path');
const {pathToFileURL} = require('node:url');
const {openPage} = require('./watch.js');

const WEIGHT = 300000; // bytes, gzipped
const SHIFT = 0.01; // of the page's layout, as browsers add it up
const NODES = 5000;
const ZOOMS = 60, FRAME = 1000 / 60; // ms
const PAINTS = 4; // times as late as bare HTML
const LEAST_PAINTS = 5, MOST_PAINTS = 25; // runs
const PATIENCE = 4000; // ms, as in page.css

exports.weight = async ({page, url, check}) => {
  await page.addInitScript(() => {
    window.shift = 0;
    new PerformanceObserver((list) => {
      for (const entry of list.getEntries()) if (!entry.hadRecentInput) window.shift += entry.value;
    }).observe({type: 'layout-shift', buffered: true});
    new MutationObserver(() => {
      if (document.documentElement.classList.contains('ready')) window.readyAt ??= performance.now();
    }).observe(document, {subtree: true, attributes: true});
  });
  await page.goto(`${url}/lab/`);
  await page.waitForSelector('.link.up');
  await page.waitForTimeout(2000);
  const {bytes, files, paint, shift, readyAt} = await page.evaluate(() => {
    const all = [...performance.getEntriesByType('navigation'), ...performance.getEntriesByType('resource')]
      .filter((e) => e.name.includes('/lab/page/') || e.name.endsWith('/lab/'));
    const paints = performance.getEntriesByName('first-contentful-paint');
    return {
      bytes: all.reduce((sum, e) => sum + e.encodedBodySize, 0), files: all.length,
      paint: paints.length ? paints[0].startTime : 0, shift: window.shift, readyAt: window.readyAt,
    };
  });
  console.log(`the page has ${bytes} bytes in ${files} files; first paint after ${Math.round(paint)} ms; ready after ${Math.round(readyAt)} ms; layout shift ${shift.toFixed(3)}`);
  // Later than that, the page is shown as the lab has sent it, and changes then.
  check(readyAt > PATIENCE || shift < SHIFT, `the page moves while it is loaded: ${shift}`);
  check(files > 10 && bytes < WEIGHT, `the page has ${bytes} bytes in ${files} files`);
};

// When the page at `path` is painted in a browser that has seen nothing of the lab: first of all, and
// the largest part of what the lab has sent; ms.
async function timePaint(visit, path) {
  const look = await openPage(visit.browser, visit);
  await look.page.addInitScript(() => {
    window.painted = {};
    const isReady = () => document.documentElement.classList.contains('ready'); // by then scripts have built more
    for (const [key, type] of [['first', 'paint'], ['largest', 'largest-contentful-paint']]) {
      new PerformanceObserver((list) => {
        for (const entry of list.getEntries()) if (entry.name !== 'first-paint' && !(isReady() && window.painted[key])) window.painted[key] = entry.startTime;
      }).observe({type, buffered: true});
    }
  });
  await look.page.goto(visit.url + path);
  await look.page.waitForFunction(() => window.painted.first && window.painted.largest);
  const isBuilt = path === '/lab/';
  if (isBuilt) await look.page.waitForSelector('.link.up');
  const {first, largest} = await look.page.evaluate(() => window.painted);
  if (isBuilt) visit.complaints.push(...look.complaints); // bare HTML has no icon
  await look.close();
  return {first, largest};
}

// The page's scripts begin when it is painted; this is how it is without them.
const holdScripts = (page) => page.route('**/start.js', (route) => route.fulfill({body: '', contentType: 'text/javascript'}));

// What the browser's main thread does until the page at `path` is painted; ms of CPU time, so other
// work on the machine has little part in it. And what it has fetched.
async function countWork(visit, path) {
  const look = await openPage(visit.browser, visit);
  await holdScripts(look.page);
  const fetched = [];
  look.page.on('requestfinished', (request) => fetched.push(request));
  const metrics = await look.page.context().newCDPSession(look.page);
  await metrics.send('Performance.enable', {timeDomain: 'threadTicks'});
  await look.page.goto(visit.url + path);
  await look.page.waitForTimeout(500);
  const all = (await metrics.send('Performance.getMetrics')).metrics;
  const sizes = await Promise.all(fetched.map((request) => request.sizes()));
  await look.close();
  return {
    cpu: 1000 * all.find((m) => m.name === 'TaskDuration').value, files: fetched.map((r) => r.url().split('/').pop() || 'HTML'),
    bytes: sizes.reduce((sum, s) => sum + s.responseBodySize, 0),
  };
}

const middle = (list) => [...list].sort((a, b) => a - b)[Math.floor(list.length / 2)];
const leastAndMiddle = (list) => `${Math.round(Math.min(...list))} ms (median ${Math.round(middle(list))})`;

// The page is painted nearly as soon as one that is only HTML, whatever its scripts do. Other work on
// the machine delays both, so the least of some runs count, and there are more runs where it is busy.
exports.paint = async (visit) => {
  const bare = [], first = [], largest = [];
  const isSoon = () => Math.min(...largest) < PAINTS * Math.min(...bare);
  for (let run = 0; run < MOST_PAINTS && (run < LEAST_PAINTS || !isSoon()); run++) {
    bare.push((await timePaint(visit, '/debug/pprof/')).first);
    const lab = await timePaint(visit, '/lab/');
    first.push(lab.first);
    largest.push(lab.largest);
  }
  const ratio = Math.min(...largest) / Math.min(...bare);
  console.log(`first paint after ${leastAndMiddle(first)}, the largest one after ${leastAndMiddle(largest)}; of bare HTML ${leastAndMiddle(bare)}: ${ratio.toFixed(2)} times as long, in ${bare.length} runs`);
  const works = [], bares = [];
  for (let run = 0; run < LEAST_PAINTS; run++) {
    bares.push((await countWork(visit, '/debug/pprof/')).cpu);
    works.push(await countWork(visit, '/lab/'));
  }
  const cpu = works.map((w) => w.cpu);
  console.log(`until it is painted the page is ${works[0].bytes} bytes in ${works[0].files.join(', ')}; CPU time of the main thread until then: ${leastAndMiddle(cpu)}, of bare HTML ${leastAndMiddle(bares)}`);
  visit.check(Math.min(...cpu) < PAINTS * Math.min(...bares), 'to paint the page is much more work than bare HTML');
  visit.check(isSoon(), `the page is painted ${ratio.toFixed(1)} times as late as bare HTML`);
};

// A profile of so many nodes: stacks of five, of which each third goes on a branch of its own.
async function makeProfile() {
  const {encodeProfile} = await import(pathToFileURL(path.join(__dirname, '../page/encode.mjs')));
  const stacks = [];
  for (let i = 0; i < NODES / 4; i++) {
    stacks.push({names: ['main', `group${i % 25}`, `part${i % 500}`, `a${i}`, `b${i}`, `c${i}`], values: [1 + i % 7, 100 * (1 + i % 7)]});
  }
  return encodeProfile({types: [['objects', 'count'], ['space', 'bytes']], stacks, file: 'a.c'});
}

// Zooms in and out, a step with each frame that is painted. Returns frames per second.
function zoomAround([keys, steps]) {
  return new Promise((done) => {
    const svg = document.querySelector('svg.flame'), began = performance.now();
    let frames = 0;
    const step = () => {
      if (frames === steps) {
        done(1000 * frames / (performance.now() - began));
        return;
      }
      if (keys.length) svg.dispatchEvent(new KeyboardEvent('keydown', {key: keys[frames % keys.length], bubbles: true}));
      frames++;
      requestAnimationFrame(step);
    };
    requestAnimationFrame(step);
  });
}

const KEYS = ['ArrowDown', 'Enter', 'ArrowRight', 'Enter', 'ArrowRight', 'ArrowDown', 'Enter', 'Escape'];

// Of a step while zooming: frames per second, and ms of CPU time of the main thread for each.
async function measureSteps(page, keys) {
  const metrics = await page.context().newCDPSession(page);
  await metrics.send('Performance.enable', {timeDomain: 'threadTicks'});
  const spent = async () => 1000 * (await metrics.send('Performance.getMetrics')).metrics.find((m) => m.name === 'TaskDuration').value;
  const before = await spent();
  const perSecond = await page.evaluate(zoomAround, [keys, ZOOMS]);
  return {perSecond, cpu: (await spent() - before) / ZOOMS};
}

exports.zoom = async ({page, url, check}) => {
  const body = Buffer.from(await makeProfile());
  await page.route('**/debug/pprof/heap', async (route) => {
    await route.fetch();
    await route.fulfill({body, contentType: 'application/octet-stream'});
  });
  await page.goto(`${url}/lab/`);
  await page.waitForSelector('.link.up');
  await page.click('[data-kind="heap"]');
  await page.waitForSelector('svg.flame .box-text');
  const idle = await measureSteps(page, []);
  const busy = await measureSteps(page, KEYS);
  console.log(`${NODES} nodes: ${busy.perSecond.toFixed(0)} frames per second while zooming (${idle.perSecond.toFixed(0)} at rest); a step takes ${busy.cpu.toFixed(1)} ms of CPU time, of ${FRAME.toFixed(1)} that a frame lasts`);
  check(busy.cpu < FRAME, `a step of zooming takes ${busy.cpu} ms of CPU time: more than a frame has`);
};

exports.looks = async (visit) => {
  for (const [name, options] of Object.entries({
    'look-360': {viewport: {width: 360, height: 740}}, 'look-2560': {viewport: {width: 2560, height: 1300}},
    'look-dark': {colorScheme: 'dark'}, 'look-calm': {reducedMotion: 'reduce', forcedColors: 'active'},
  })) {
    const look = await openPage(visit.browser, {...visit, ...options});
    await look.page.goto(`${visit.url}/lab/`);
    await look.page.waitForSelector('.link.up');
    await look.page.click('[data-kind="threadcreate"]');
    await look.page.waitForSelector('svg.flame .box-text');
    await look.shot(name);
    const over = await look.page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
    visit.check(over <= 0, `${name}: the page is ${over} px wider than the window`);
    if (!options.forcedColors) await look.isAccessible(name);
    visit.complaints.push(...look.complaints);
    await look.close();
  }
};

exports.hostile = async ({page, url, check}) => {
  await page.goto(`${url}/lab/`);
  await page.waitForSelector('#steps button[data-step="90"]');
  await page.click('#steps button[data-step="90"]');
  await page.waitForFunction(() => document.querySelector('#now .number')?.textContent === 'Step 90');
  const {text, images, scripts} = await page.evaluate(() => ({
    text: document.querySelector('#now h3').textContent, images: document.images.length, scripts: document.scripts.length,
  }));
  check(text === '<img src=x onerror=alert(1)>', `the title is shown as ${text}`);
  check(images === 0 && scripts === 1, `there are ${images} images and ${scripts} scripts`);
};

// The stream can't be opened; then it can.
exports.lost = async (visit) => {
  const {page, url} = visit;
  const says = (word) => page.waitForFunction((w) => document.querySelector('.link')?.textContent.includes(w), word);
  await page.route('**/lab/api/stream', (route) => route.abort());
  await page.goto(`${url}/lab/`);
  await says('lost');
  await visit.shot('lost');
  await page.unroute('**/lab/api/stream');
  await says('live');
  visit.complaints.splice(0, visit.complaints.length, ...visit.complaints.filter((c) => !/ERR_FAILED.*stream/.test(c)));
};

// What was captured is still there when the page is loaded again.
exports.reload = async ({page, url, check}) => {
  await page.goto(`${url}/lab/`);
  await page.waitForSelector('.link.up');
  await page.click('[data-kind="threadcreate"]');
  await page.waitForSelector('svg.flame .box-text');
  const id = await page.$eval('table.captures tbody th', (cell) => cell.textContent);
  await page.click('#steps button[data-step="1"]');
  await page.waitForFunction(() => document.querySelector('#now .number')?.textContent === 'Step 1');
  await page.reload();
  await page.waitForSelector('.link.up');
  await page.click(`[aria-label="Open ${id}"]`);
  await page.waitForSelector('svg.flame .box-text');
  check(await page.$(`tr.earlier [aria-label="Open ${id}"]`), 'the capture isn\'t of an earlier visit');
};

// Scripts that never come: what the lab has sent is shown after some seconds.
exports.stuck = async ({page, url}) => {
  await holdScripts(page);
  await page.goto(`${url}/lab/`);
  await page.waitForFunction(() => getComputedStyle(document.querySelector('#capture')).visibility === 'visible');
  await page.click('#see form[action="/lab/request"] button');
  await page.waitForSelector('#see .result');
};

// Without JavaScript: choose, send, ask for a hint, answer.
exports.plain = async (visit) => {
  const look = await openPage(visit.browser, {...visit, javaScriptEnabled: false});
  const {page} = look;
  const says = async (pattern) => {
    const text = await page.textContent('body');
    visit.check(pattern.test(text), `${page.url()} doesn't say ${pattern}: ${text.slice(0, 300)}`);
  };
  const submit = (selector) => Promise.all([page.waitForNavigation(), page.click(selector)]);
  await page.goto(`${visit.url}/lab/`);
  await submit('li[data-step="5"] button');
  await says(/Step 5/);
  await submit('#see form[action="/lab/request"] button');
  await says(/hello world/);
  await submit('#say form[action="/lab/hint"] button');
  await says(/\?/);
  await look.shot('plain');
  await page.selectOption('#say select[name=class]', 'cpu.hot');
  await page.fill('#say input[name=where]', 'eatCPU');
  await submit('#say form[action="/lab/answer"] button');
  await says(/captured/);
  visit.complaints.push(...look.complaints);
  await look.close();
};
