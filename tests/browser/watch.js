// SPDX-License-Identifier: MIT
// A page that is watched: what its console says, what it asks of others, and what axe
// says of it.
'use strict';
const fs = require('node:fs');
const path = require('node:path');

// What the lab refuses on purpose (a hint too early) is no fault of the page.
function isRefusal(response) {
  return [409, 429].includes(response.status());
}

// Chromium itself says that its WebGL is slow without a graphics card.
function isAboutTheMachine(text) {
  return /GPU stall due to ReadPixels|Automatic fallback to software WebGL|swiftshader/i.test(text);
}

function watchPage(page, url, complaints) {
  const origin = new URL(url).origin;
  page.on('console', (message) => {
    const isBad = message.type() === 'warning' || message.type() === 'error';
    if (isBad && !/status of (409|429)/.test(message.text()) && !isAboutTheMachine(message.text())) complaints.push(`${message.type()}: ${message.text()} ${message.location().url}`);
  });
  page.on('pageerror', (error) => complaints.push(`exception: ${error.stack}`));
  page.on('request', (request) => {
    const from = request.url();
    if (!from.startsWith(origin) && !from.startsWith('blob:') && !from.startsWith('data:')) complaints.push(`a foreign request: ${from}`);
  });
  page.on('response', (response) => {
    if (response.status() >= 400 && !isRefusal(response)) complaints.push(`${response.status()} ${response.url()}`);
  });
}

function check(holds, what) {
  if (!holds) throw new Error(what);
}

// Serious and critical violations, each as a line.
async function askAxe(page, axe) {
  await page.evaluate(fs.readFileSync(axe, 'utf8')); // not as a script: the page's policy forbids that
  const {violations} = await page.evaluate(() => window.axe.run({resultTypes: ['violations']}));
  return violations.filter((v) => ['serious', 'critical'].includes(v.impact))
    .map((v) => `${v.id} (${v.impact}): ${v.nodes.slice(0, 3).map((n) => n.target.join(' ')).join(', ')}`);
}

/** { page, check, shot(name), isAccessible(), complaints, close() } */
async function openPage(browser, {url, folder, axe, patience, ...options}) {
  const context = await browser.newContext({viewport: {width: 1440, height: 900}, ...options});
  const page = await context.newPage();
  const complaints = [];
  page.setDefaultTimeout(patience);
  watchPage(page, url, complaints);
  return {
    browser, page, url, folder, axe, patience, check, complaints,
    // From the top, because what is sticky stays where it is.
    async shot(name) {
      await page.waitForTimeout(500); // the page may be scrolling smoothly
      await page.evaluate(() => window.scrollTo({top: 0, behavior: 'instant'}));
      await page.screenshot({path: path.join(folder, `${name}.png`), fullPage: true});
    },
    async isAccessible(what) {
      const found = await askAxe(page, axe);
      check(found.length === 0, `${what}: ${found.join('; ')}`);
    },
    close: () => context.close(),
  };
}

// For a page that draws on a canvas: what it draws can't be asked for later, so it is noted.
function noteLabels() {
  window.labels = new Set();
  const draw = CanvasRenderingContext2D.prototype.fillText;
  CanvasRenderingContext2D.prototype.fillText = function (text, ...rest) {
    window.labels.add(text);
    return draw.call(this, text, ...rest);
  };
}

module.exports = {openPage, check, watchPage, noteLabels, isAboutTheMachine};
