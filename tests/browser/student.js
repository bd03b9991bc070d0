// SPDX-License-Identifier: MIT
// A student on the page: chooses a step, sends a load, captures, reads the flame graph,
// errs, is told why, finds it, reads the solution, compares with the healthy twin.
'use strict';
const fs = require('node:fs');
const path = require('node:path');

async function openLab({page, url}) {
  await page.goto(`${url}/lab/`);
  await page.waitForSelector('#steps [data-step="3"] button, #steps button[data-step="3"]');
  await page.waitForSelector('.link.up');
}

// The lab may be in that step already, so the answer tells that it is entered anew.
async function chooseStep(visit, number, choose) {
  const {page} = visit, button = `#steps button[data-step="${number}"]`;
  const isEntered = (answer) => new URL(answer.url()).pathname === '/goto' && answer.request().method() === 'POST';
  await Promise.all([page.waitForResponse(isEntered), choose ? choose(button) : page.click(button)]);
  await page.waitForFunction((n) => document.querySelector('#now .number')?.textContent === `Step ${n}`, number);
}

// Until the load has ended that start() begins. A short one is over before anybody
// sees that its button was disabled, so the lab's answer tells that it has begun.
async function runLoad({page}, start) {
  const isBegun = (answer) => answer.url().endsWith('/lab/api/load') && answer.request().method() === 'POST';
  await Promise.all([page.waitForResponse(isBegun), start()]);
  await page.waitForFunction(() => !document.querySelector('#load-start').disabled);
}

async function sendLoad(visit) {
  const {page} = visit;
  await runLoad(visit, () => page.click('#load-start'));
  return page.$$eval('.number-box', (boxes) => Object.fromEntries(boxes.map((b) => [b.firstChild.textContent, b.lastChild.textContent])));
}

const lastCapture = ({page}) => page.$eval('table.captures tbody th', (cell) => cell.textContent);
const countCaptures = ({page}) => page.$$eval('table.captures tbody tr', (rows) => rows.length);

// Until these are what is shown, and not what was shown before.
async function seesOpened({page}, ...ids) {
  await page.waitForFunction((all) => {
    const title = document.querySelector('.viewer h3')?.textContent.split('  →  ').map((t) => t.split(' ')[0]);
    return title?.join() === all.join();
  }, ids);
}

async function compare(visit, before, after) {
  const {page} = visit;
  for (const box of await page.$$('table.captures input:checked')) await box.uncheck();
  await page.check(`[aria-label="Compare ${before}"]`);
  await page.check(`[aria-label="Compare ${after}"]`);
  await page.click('#compare');
  await seesOpened(visit, before, after);
}

async function capture(visit, kind, seconds) {
  const {page} = visit, before = await countCaptures(visit);
  if (seconds) await page.fill('#capture-seconds', String(seconds));
  await page.click(`[data-kind="${kind}"]`);
  await page.waitForFunction((n) => document.querySelectorAll('table.captures tbody tr').length > n, before);
  const id = await lastCapture(visit);
  await seesOpened(visit, id);
  return id;
}

async function captureUnderLoad(visit, kind, seconds) {
  await visit.page.click('#load-start');
  const id = await capture(visit, kind, seconds);
  await visit.page.$eval('#load-stop', (button) => button.click()); // the rest shows the same, later
  await visit.page.waitForFunction(() => !document.querySelector('#load-start').disabled);
  return id;
}

async function chooseTab({page}, label) {
  await page.click(`.viewer-bar label:has-text("${label}")`);
}

const flameTexts = ({page}) => page.$$eval('svg.flame .box-text', (texts) => texts.map((t) => t.textContent));

async function seesInFlame(visit, name) {
  await visit.page.waitForFunction((n) => [...document.querySelectorAll('svg.flame .box-text')].some((t) => t.textContent.includes(n)), name)
    .catch(async () => visit.check(false, `${name} isn't in the flame graph: ${await flameTexts(visit)}`));
}

async function answer(visit, {what, where, evidence}) {
  const {page} = visit;
  await page.selectOption('#say select[name=class]', what);
  await page.fill('#say input[name=where]', where);
  for (const box of await page.$$('.checks input')) await box.setChecked(evidence.includes(await box.getAttribute('value')));
  await page.$eval('.verdict-box', (box) => box.replaceChildren());
  await page.click('#answer');
  await page.waitForSelector('.verdict');
  return page.$eval('.verdict', (v) => ({kind: v.className, text: v.textContent}));
}

async function errs(visit, guess, pattern) {
  const verdict = await answer(visit, guess);
  visit.check(/wrong|partial/.test(verdict.kind), `the verdict is ${verdict.kind}: ${verdict.text}`);
  visit.check(pattern.test(verdict.text), `the feedback is: ${verdict.text}`);
}

async function solves(visit, guess) {
  const verdict = await answer(visit, guess);
  visit.check(/solved/.test(verdict.kind), `the verdict is ${verdict.kind}: ${verdict.text}`);
  await visit.page.waitForSelector('.solution');
  await visit.page.waitForSelector('.ticket .chip.solved, #now .chip.solved');
}

// Ticks one capture of the fault and one of the twin, and compares them.
async function comparesWithTwin(visit, fault, take) {
  const {page} = visit;
  const step = await page.textContent('#now .number');
  await page.click('#enter-twin');
  // While the lab switches it is in step 0, so the capture is an earlier one too soon.
  await page.waitForFunction(([id, text]) => document.querySelector(`[aria-label="Compare ${id}"]`)?.closest('tr.earlier') &&
    document.querySelector('#now .number')?.textContent === text && document.querySelector('#enter-twin')?.disabled === false, [fault, step]);
  const healthy = await take();
  visit.check(healthy !== fault, 'the twin has no capture of its own');
  await compare(visit, fault, healthy);
  return page.$eval('.diff-view', (view) => view.textContent);
}

async function checksRepair({page}, title) {
  await page.click('#check-repair');
  await page.waitForSelector('.check-progress:not([hidden])');
  await page.waitForFunction((t) => document.querySelector('.repair-part .verdict h4')?.textContent.startsWith(t), title);
}

// The lab's folder has the step's own program; then the lesson's own repair.
async function checksRepairs(visit) {
  const {page} = visit;
  await checksRepair(visit, 'Still there');
  const reasons = await page.$$eval('.repair-part .verdict li', (list) => list.map((li) => li.textContent));
  visit.check(reasons.some((text) => text.startsWith('goroutine under startGoroutines')), `the reasons are: ${reasons}`);
  await visit.shot('step5-still-there');
  const file = await page.textContent('.repair-part p code');
  const solution = await page.evaluate(async () => (await fetch('/lab/api/solution')).json());
  fs.writeFileSync(file, solution.fixed_file.lines.join('\n'));
  await checksRepair(visit, 'Repaired');
  await page.waitForFunction(() => document.querySelector('#progress')?.textContent.includes('repaired'));
  await visit.shot('step5-repaired');
  await visit.isAccessible('a repair is checked');
  for (const [name, colorScheme, width] of [['dark', 'dark', 1280], ['narrow', 'light', 360], ['narrow-dark', 'dark', 360]]) {
    await page.emulateMedia({colorScheme});
    const before = page.viewportSize();
    await page.setViewportSize({width, height: before.height});
    await page.locator('.repair-part').screenshot({path: path.join(visit.folder, `step5-repaired-${name}.png`)});
    const wide = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
    visit.check(wide <= 0, `the page is ${wide} px wider than its window (${name})`);
    await page.setViewportSize(before);
  }
  await page.emulateMedia({colorScheme: null});
}

// ---- the parts ----------------------------------------------------------------

exports.step2 = async (visit) => {
  await openLab(visit);
  await chooseStep(visit, 2);
  await visit.shot('step2-chosen');
  const idle = await capture(visit, 'profile', 1);
  await visit.page.waitForSelector('.viewer-main .empty');
  await visit.shot('step2-idle-capture');
  const id = await captureUnderLoad(visit, 'profile', 6);
  await seesInFlame(visit, 'eatCPU');
  await visit.shot('step2-flame');
  await errs(visit, {what: 'memory.retained', where: 'eatCPU', evidence: [id]}, /./);
  await visit.shot('step2-wrong');
  await solves(visit, {what: 'cpu.hot', where: 'eatCPU', evidence: [id, idle]});
  await visit.isAccessible('solved');
  await visit.shot('step2-solved');
  const text = await comparesWithTwin(visit, id, () => captureUnderLoad(visit, 'profile', 3));
  visit.check(/has −/.test(text) && text.includes('quote.eatCPU'), `the diff is: ${text}`);
  await visit.shot('step2-diff');
};

// A heap that keeps more with each request, and one that doesn't.
exports.step3 = async (visit) => {
  await openLab(visit);
  await chooseStep(visit, 3);
  await sendLoad(visit);
  const id = await capture(visit, 'heap');
  await seesInFlame(visit, 'leakMemory');
  await visit.shot('step3-flame');
  await chooseTab(visit, 'Top');
  await visit.page.waitForSelector('table.top-table tbody tr');
  await visit.shot('step3-top');
  await errs(visit, {what: 'cpu.hot', where: 'leakMemory', evidence: [id]}, /./);
  await solves(visit, {what: 'memory.retained', where: 'leakMemory', evidence: [id]});
  await visit.shot('step3-solved');
  const text = await comparesWithTwin(visit, id, async () => {
    const load = await sendLoad(visit);
    visit.check(Number(load.answered) > 0, `the twin has answered ${load.answered}`);
    return capture(visit, 'heap');
  });
  visit.check(/has −[^:]* per request/.test(text), `the diff is: ${text}`);
  await visit.shot('step3-twin');
  await visit.page.click('#swap'); // the healthy program is the base
  await visit.page.waitForFunction(() => / has \+[^:]* per request/.test(document.querySelector('.diff-view .headline')?.textContent));
  await seesInFlame(visit, 'leakMemory');
  const red = await visit.page.$$eval('svg.flame .box', (boxes) => boxes.filter((box) => /more[34]/.test(box.getAttribute('class'))).length);
  visit.check(red > 0, 'nothing has the colour of more');
  const most = await visit.page.textContent('.diff-view .functions');
  visit.check(most.includes('leakMemory'), `most changed: ${most}`);
  const command = await visit.page.textContent('.viewer .command code');
  visit.check(/-base 'http[^ ]*' archive-heap-c\d+\.pb\.gz$/.test(command), `the command is: ${command}`);
  visit.check((await visit.page.textContent('#now')).includes('healthy twin'), 'the twin isn\'t told');
  await visit.shot('step3-diff');
  await visit.isAccessible('the diff with the twin');
};

exports.step5 = async (visit) => {
  await openLab(visit);
  await chooseStep(visit, 5);
  const before = await capture(visit, 'goroutine');
  const load = await sendLoad(visit);
  visit.check(load.answered === '100', `answered: ${load.answered}`);
  const after = await capture(visit, 'goroutine');
  await seesInFlame(visit, 'startGoroutines');
  await visit.shot('step5-flame');
  await compare(visit, before, after);
  const headline = await visit.page.textContent('.diff-view .headline');
  visit.check(/\+5(\.0\d?)? per request/.test(headline), `the headline is: ${headline}`);
  await visit.shot('step5-diff');
  await visit.isAccessible('diff');
  await errs(visit, {what: 'leak.file', where: 'request', evidence: [after]}, /./);
  await solves(visit, {what: 'leak.task', where: 'startGoroutines', evidence: [after]});
  await visit.shot('step5-solved');
  await checksRepairs(visit);
  const text = await comparesWithTwin(visit, after, async () => {
    await sendLoad(visit);
    return capture(visit, 'goroutine');
  });
  visit.check(/has −/.test(text) && text.includes('workers.startGoroutines'), `the diff is: ${text}`);
  await visit.shot('step5-twin');
  visit.check(await visit.page.$('.verdict'), 'the verdict is gone in the twin');
  await chooseStep(visit, 2);
  visit.check(!await visit.page.$('.verdict'), 'the verdict of another step is shown');
  visit.check(await visit.page.inputValue('#say input[name=where]') === '', 'the answer to another step is in the form');
};

// A program with two faults. That there may be a second one is offered in each step.
exports.twoFaults = async (visit) => {
  const {page, check} = visit;
  const command = () => page.textContent('#say form .command code');
  await openLab(visit);
  check(await page.isVisible('#second'), 'step 0 has no second fault to say');
  await chooseStep(visit, 91);
  await sendLoad(visit);
  const evidence = [await capture(visit, 'goroutine'), await capture(visit, 'lab.OpenFiles')];
  const first = {what: 'leak.task', where: 'waitForSeat', evidence};
  await errs(visit, first, /there is a second fault/);
  await page.click('#second');
  await page.fill('#say input[name=where2]', 'request');
  check((await command()).includes('-d where2=request'), `the command is: ${await command()}`);
  await page.click('[aria-label="Remove the second fault"]');
  check(!(await command()).includes('where2'), `the command is: ${await command()}`);
  check(await page.evaluate(() => document.activeElement.id) === 'second', 'the focus is lost');
  await page.click('#second');
  await page.selectOption('#say select[name=class2]', 'leak.file');
  await page.fill('#say input[name=where2]', 'keepTicket');
  await visit.isAccessible('a second fault');
  await visit.shot('step91-second');
  await solves(visit, first);
  const shown = await page.textContent('.verdict .quiet');
  const both = new RegExp(`^${evidence[1]} \\(.* profile\\) and ${evidence[0]} \\(.* profile\\) show it\\.$`);
  check(both.test(shown), `the verdict says: ${shown}`);
  check((await command()).includes('-d class2=leak.file -d where2=keepTicket'), `the command is: ${await command()}`);
  await visit.shot('step91-solved');
  await chooseStep(visit, 3);
  check(!await page.$('#say select[name=class2]') && await page.isVisible('#second'), 'the second fault of another step is in the form');
  await page.selectOption('#say select[name=class]', 'none');
  await page.click('#answer'); // nothing is to blame
  await page.waitForSelector('.verdict, .problem');
};

// Not enumerable, because the others are parts of the test.
Object.defineProperty(exports, 'moves', {value: {openLab, chooseStep, runLoad, sendLoad, capture, answer, comparesWithTwin}});
