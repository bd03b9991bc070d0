// SPDX-License-Identifier: MIT
// Takes the pictures of the page at /lab/ that the documents show: a student at step 3.
// tools/pictures calls it. Usage, in a folder whose node_modules has playwright-core:
//
//   node pictures.js CHROMIUM URL FOLDER
'use strict';
const path = require('node:path');
const {createRequire} = require('node:module');
const load = createRequire(path.join(process.cwd(), 'package.json'));
const {chromium} = load('playwright-core');
const {openPage} = require('./watch.js');
const {openLab, chooseStep, sendLoad, capture, answer, comparesWithTwin} = require('./student.js').moves;

const PATIENCE = 120000; // ms
const WIDE = {viewport: {width: 1440, height: 900}}, NARROW = {viewport: {width: 360, height: 740}};

// What is seen of the window, scrolled to the selector's node.
async function take(visit, name, selector) {
  const {page, folder} = visit;
  await page.mouse.move(0, 0);
  await page.evaluate(() => document.activeElement.blur());
  if (selector) await page.$eval(selector, (node) => node.scrollIntoView({block: 'start', behavior: 'instant'}));
  else await page.evaluate(() => window.scrollTo({top: 0, behavior: 'instant'}));
  await page.waitForTimeout(1500); // the charts get a second more
  await page.screenshot({path: path.join(folder, `${name}.png`)});
  console.log(`docs/handbook/pictures/${name}.png`);
}

async function diagnose(visit) {
  await openLab(visit);
  await visit.page.waitForTimeout(5000); // the healthy program's band
  await chooseStep(visit, 3);
  await sendLoad(visit);
  const id = await capture(visit, 'heap');
  await visit.page.waitForSelector('svg.flame .box-text');
  // A click while the page scrolls to the flame graph meets another box.
  const isChosen = () => visit.page.evaluate(() => document.querySelector('.flame-view .details b')?.textContent.includes('leakMemory'));
  while (!await isChosen()) await visit.page.click('svg.flame .box-text >> text=leakMemory', {force: true});
  await visit.page.waitForSelector('.source .costly');
  return id;
}

async function main() {
  const [executablePath, url, folder] = process.argv.slice(2);
  const browser = await chromium.launch({executablePath, headless: true, timeout: PATIENCE, args: ['--no-sandbox']});
  const wide = await openPage(browser, {url, folder, patience: PATIENCE, ...WIDE});
  const id = await diagnose(wide);
  await take(wide, 'page');
  await take(wide, 'page-flame', '.viewer');
  await answer(wide, {what: 'cpu.hot', where: 'leakMemory', evidence: [id]});
  await take(wide, 'page-answer', '#say');
  await answer(wide, {what: 'memory.retained', where: 'leakMemory', evidence: [id]});
  await wide.page.waitForSelector('.solution');
  await comparesWithTwin(wide, id, async () => {
    await sendLoad(wide);
    return capture(wide, 'heap');
  });
  await wide.page.click('#swap');
  await take(wide, 'page-diff', '.viewer');
  await wide.close();
  for (const [name, options] of [['page-dark', {...WIDE, colorScheme: 'dark'}], ['page-narrow', NARROW]]) {
    const visit = await openPage(browser, {url, folder, patience: PATIENCE, ...options});
    await openLab(visit);
    await take(visit, name);
    await visit.close();
  }
  await browser.close();
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
