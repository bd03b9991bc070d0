// SPDX-License-Identifier: MIT
// Plays a student on the page, in a headless Chromium. Each part prints "ok NAME" or
// "FAIL NAME" and why; what was measured is printed, too. Usage, in a folder whose
// node_modules has playwright-core and axe-core:
//
//   node page.js CHROMIUM URL FOLDER      FOLDER is for screenshots; PARTS=a,b chooses
'use strict';
const path = require('node:path');
const {createRequire} = require('node:module');
const load = createRequire(path.join(process.cwd(), 'package.json'));
const {chromium} = load('playwright-core');
const {openPage} = require('./watch.js');
const student = require('./student.js');
const keyboard = require('./keyboard.js');
const measures = require('./measures.js');
const {curious} = require('./curious.js');

const PATIENCE = 60000; // ms
const WEBGL = ['--use-angle=swiftshader', '--enable-unsafe-swiftshader']; // by the processor

async function main() {
  const [executablePath, url, folder] = process.argv.slice(2);
  const parts = {...student, ...keyboard, ...measures};
  const chosen = process.env.PARTS ? process.env.PARTS.split(',') : Object.keys(parts);
  const isCurious = chosen.includes('curious');
  parts.curious = curious; // only where it is asked for: most labs have no speedscope
  const browser = await chromium.launch({executablePath, headless: true, timeout: 120000, args: ['--no-sandbox', ...isCurious ? WEBGL : []]});
  const axe = load.resolve('axe-core/axe.min.js');
  let failed = 0;
  for (const name of chosen) {
    const visit = await openPage(browser, {url, folder, axe, patience: PATIENCE});
    try {
      await parts[name](visit);
      visit.check(visit.complaints.length === 0, `complaints: ${visit.complaints.join('; ')}`);
      console.log(`ok ${name}`);
    } catch (error) {
      failed++;
      await visit.shot(`failed-${name}`).catch(() => {});
      console.log(`FAIL ${name}: ${error.stack}\n${visit.complaints.join('\n')}`);
    }
    await visit.close();
  }
  await browser.close();
  process.exit(failed ? 1 : 0);
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
