// SPDX-License-Identifier: MIT
// A student with a keyboard only solves step 3.
'use strict';
const {chooseStep, runLoad} = require('./student.js').moves;

const MOST_TABS = 400;

// Presses Tab until the focus is where the selector says.
async function tabTo({page, check}, selector, key = 'Tab') {
  for (let i = 0; i < MOST_TABS; i++) {
    if (await page.evaluate((s) => document.activeElement.matches(s), selector)) return;
    await page.keyboard.press(key);
  }
  check(false, `the keyboard doesn't reach ${selector}`);
}

// Each thing that has the focus shows it: by an outline, its own or its label's.
async function seesFocus({page, check}, what) {
  const shows = await page.evaluate(() => {
    const node = document.activeElement;
    const next = node.nextElementSibling;
    return [node, next].some((n) => n && getComputedStyle(n).outlineStyle !== 'none');
  });
  check(shows, `${what} doesn't show that it has the focus`);
}

async function press(visit, selector, key = 'Enter', direction = 'Tab') {
  await tabTo(visit, selector, direction);
  await seesFocus(visit, selector);
  await visit.page.keyboard.press(key);
}

async function walkTo({page, check}, name) {
  for (let i = 0; i < 20; i++) {
    await page.keyboard.press('ArrowDown');
    if ((await page.textContent('.flame-view .details b').catch(() => '')).includes(name)) return;
  }
  check(false, `the arrow keys don't lead to ${name}`);
}

async function say(visit, what, where, direction) {
  const {page} = visit;
  await tabTo(visit, '#say select[name=class]', direction);
  await page.keyboard.type(what);
  visit.check(await page.inputValue('#say select[name=class]') === what, `typing ${what} doesn't choose it`);
  await tabTo(visit, '#say input[name=where]');
  await page.keyboard.press('Control+a');
  await page.keyboard.type(where);
  await page.keyboard.press('Escape'); // closes the list of names
  if (!await page.$('.checks input:checked')) await press(visit, '.checks input', 'Space');
  await page.$eval('.verdict-box', (box) => box.replaceChildren());
  await press(visit, '#answer');
  await page.waitForSelector('.verdict');
  return page.textContent('.verdict');
}

exports.step3ByKeyboard = async (visit) => {
  const {page, url, check} = visit;
  await page.goto(`${url}/lab/`);
  await page.waitForSelector('#steps button[data-step="3"]');
  await page.waitForSelector('.link.up');
  await visit.isAccessible('at the start');
  await visit.shot('start');
  await chooseStep(visit, 3, (button) => press(visit, button));
  await runLoad(visit, () => press(visit, '#load-start'));
  await press(visit, '[data-kind="heap"]');
  await page.waitForSelector('svg.flame .box-text');
  await tabTo(visit, 'svg.flame');
  await seesFocus(visit, 'the flame graph');
  await walkTo(visit, 'leakMemory');
  await page.waitForFunction(() => document.querySelector('.source .costly')?.textContent.includes('lab.copy_n'));
  await page.keyboard.press('Enter'); // zooms in
  await visit.shot('step3-flame');
  await visit.isAccessible('a flame graph');
  const wrong = await say(visit, 'cpu.hot', 'leakMemory');
  check(/Not yet|Partly right/.test(wrong), `the verdict is ${wrong}`);
  await visit.shot('step3-wrong');
  await press(visit, '#next-hint');
  await page.waitForSelector('.hint .question');
  const right = await say(visit, 'memory.retained', 'leakMemory', 'Shift+Tab');
  check(/Solved/.test(right), `the verdict is ${right}`);
  await page.waitForSelector('.solution');
  await visit.shot('step3-solved');
  await visit.isAccessible('step 3 is solved');
};
