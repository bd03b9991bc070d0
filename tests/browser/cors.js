// SPDX-License-Identifier: MIT
// Two web pages of other origins ask a lab, in a headless Chromium; the lab allows the
// first one to read. Prints "ok NAME" or "FAIL NAME" and why. Usage, in a folder whose
// node_modules has playwright-core:
//
//   node cors.js CHROMIUM URL PORT PORT      the pages are served on these ports
'use strict';
const http = require('node:http');
const path = require('node:path');
const {createRequire} = require('node:module');
const load = createRequire(path.join(process.cwd(), 'package.json'));
const {chromium} = load('playwright-core');
const {check} = require('./watch.js');

const PATIENCE = 60000; // ms

function servePage(port) {
  const server = http.createServer((_request, response) => {
    response.setHeader('Content-Type', 'text/html');
    response.end('<!doctype html><title>a viewer</title>');
  });
  return new Promise((resolve) => { server.listen(port, '127.0.0.1', () => resolve(server)); });
}

// In the page: what a script of it learns of an answer.
async function ask([url, options]) {
  try {
    const answer = await fetch(url, options);
    const bytes = new Uint8Array(await answer.arrayBuffer());
    const [entry] = performance.getEntriesByName(url);
    return {
      status: answer.status, bytes: [...bytes.slice(0, 2)], length: bytes.length,
      timing: answer.headers.get('Server-Timing'), parts: (entry?.serverTiming ?? []).map((part) => part.name),
    };
  } catch (error) {
    return {error: String(error)};
  }
}

async function checkAllowed(page, url) {
  for (const name of ['heap', 'profile?seconds=1', 'goroutine']) {
    const got = await page.evaluate(ask, [`${url}/debug/pprof/${name}`]);
    check(got.status === 200 && got.bytes.join() === '31,139', `${name}: ${JSON.stringify(got)}`);
    check(/encode;dur=/.test(got.timing), `${name} tells its times: ${got.timing}`);
    check(got.parts.includes('encode'), `${name}: the browser knows them: ${got.parts}`);
  }
  const text = await page.evaluate(ask, [`${url}/metrics`, {headers: {'X-Viewer': 'it makes the browser ask before'}}]);
  check(text.status === 200, `with a header of its own: ${JSON.stringify(text)}`);
}

async function checkRefused(page, url) {
  for (const name of ['/debug/pprof/heap', '/metrics', '/status', '/debug/vars']) {
    const got = await page.evaluate(ask, [url + name]);
    check(got.error, `${name} stays hidden: ${JSON.stringify(got)}`);
  }
}

// What neither of them may: to read the application, to change the lab.
async function checkClosed(page, url) {
  for (const [name, options] of [['/'], ['/lab/captures'], ['/goto?step=4'], ['/goto?step=4', {method: 'POST'}],
    ['/lab/answer', {method: 'POST', body: 'class=cpu.hot'}], ['/lab/captures', {method: 'DELETE'}]]) {
    const got = await page.evaluate(ask, [url + name, options]);
    check(got.error, `${name} stays closed: ${JSON.stringify(got)}`);
  }
  await page.evaluate(([to]) => fetch(to, {mode: 'no-cors'}).catch(() => null), [`${url}/goto?step=4`]);
  const status = await (await fetch(`${url}/status`)).json();
  check(status.step === 0, 'the lab is still in its step');
}

async function main() {
  const [executablePath, url, allowed, other] = process.argv.slice(2);
  const servers = [await servePage(allowed), await servePage(other)];
  const browser = await chromium.launch({executablePath, headless: true, timeout: 120000, args: ['--no-sandbox']});
  let failed = 0;
  for (const [name, port, checks] of [['allowed', allowed, [checkAllowed, checkClosed]], ['other', other, [checkRefused, checkClosed]]]) {
    const page = await browser.newPage();
    page.setDefaultTimeout(PATIENCE);
    await page.goto(`http://127.0.0.1:${port}/`);
    try {
      for (const run of checks) await run(page, url);
      console.log(`ok ${name}`);
    } catch (error) {
      failed++;
      console.log(`FAIL ${name}: ${error.message}`);
    }
    await page.close();
  }
  await browser.close();
  for (const server of servers) server.close();
  process.exit(failed ? 1 : 0);
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
