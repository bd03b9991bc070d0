// SPDX-License-Identifier: MIT
// Opens files in speedscope, in a headless Chromium, as somebody would who drops them
// on its page. Prints a line of JSON for each file:
//
//   { "file": ..., "complaints": [...], "labels": [...], "profiles": n }
//
// Complaints are what the page says in its console as a warning or an error, what it
// alerts, and what it shows instead of a chart. Labels are the texts that it draws on
// the file's charts, of which there are n. Usage, in a folder whose node_modules has speedscope and playwright-core:
//
//   node speedscope.js CHROMIUM FILE...
'use strict';
const fs = require('node:fs');
const http = require('node:http');
const path = require('node:path');
const {createRequire} = require('node:module');
const load = createRequire(path.join(process.cwd(), 'package.json'));
const {chromium} = load('playwright-core');
const {noteLabels, isAboutTheMachine} = require('./watch.js');

const site = path.join(path.dirname(load.resolve('speedscope/package.json')), 'dist', 'release');
const PATIENCE = 120000; // ms

const types = {'.html': 'text/html', '.js': 'text/javascript', '.css': 'text/css', '.wasm': 'application/wasm'};

function serveSite() {
  const server = http.createServer((request, response) => {
    const name = path.basename(new URL(request.url, 'http://x').pathname) || 'index.html';
    fs.readFile(path.join(site, name), (error, bytes) => {
      response.writeHead(error ? 404 : 200, {'Content-Type': types[path.extname(name)] || 'application/octet-stream'});
      response.end(error ? '' : bytes);
    });
  });
  return new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve(server)));
}

// Until what was asked for is drawn, however slow the machine is.
async function waitForFrames(page) {
  for (let i = 0; i < 10; i++) await page.evaluate(() => new Promise((done) => requestAnimationFrame(done)));
}

async function openFile(browser, url, file) {
  const page = await browser.newPage({viewport: {width: 1600, height: 900}});
  const complaints = [];
  page.setDefaultTimeout(PATIENCE);
  page.on('console', (message) => {
    const bad = message.type() === 'warning' || message.type() === 'error';
    if (bad && !isAboutTheMachine(message.text())) complaints.push(`${message.type()}: ${message.text()}`);
  });
  page.on('pageerror', (error) => complaints.push(`exception: ${error}`));
  page.on('dialog', (dialog) => {
    complaints.push(`alert: ${dialog.message()}`);
    dialog.dismiss();
  });
  await page.addInitScript(noteLabels);
  await page.goto(url);
  await page.setInputFiles('input[type=file]', file);
  const began = Date.now();
  // The buttons of the views are there as soon as a profile is shown.
  const isShown = () => page.evaluate(() => /Sandwich/.test(document.body.innerText) && window.labels.size > 0);
  while (!(await isShown()) && complaints.length === 0 && Date.now() - began < PATIENCE) await page.waitForTimeout(100);
  const text = await page.evaluate(() => document.body.innerText);
  const place = text.match(/\((\d+)\/(\d+)\)/); // "name (1/5)": the first of five charts in the file
  const profiles = place ? Number(place[2]) : 1;
  // "Left Heavy": slices of one name are one, so that short ones are wide enough for
  // their name.
  await page.keyboard.press('2');
  for (let i = 0; i < profiles; i++) {
    await waitForFrames(page);
    await page.keyboard.press('n'); // the next chart
  }
  if (!/Sandwich/.test(text)) complaints.push(`no chart: ${text.slice(0, 300)}`);
  const labels = await page.evaluate(() => [...window.labels]);
  await page.close();
  return {file, complaints, labels, profiles};
}

async function main() {
  const [executablePath, ...files] = process.argv.slice(2);
  const server = await serveSite();
  const browser = await chromium.launch({
    executablePath, headless: true, timeout: PATIENCE,
    args: ['--no-sandbox', '--use-angle=swiftshader', '--enable-unsafe-swiftshader'],
  });
  for (const file of files) {
    const result = await openFile(browser, `http://127.0.0.1:${server.address().port}/index.html`, file);
    console.log(JSON.stringify(result));
  }
  await browser.close();
  server.close();
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
