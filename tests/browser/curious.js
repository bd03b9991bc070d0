// SPDX-License-Identifier: MIT
// Another viewer for the same capture: speedscope, which the lab itself serves.
'use strict';
const {noteLabels, watchPage} = require('./watch.js');

exports.curious = async (visit) => {
  const {page, url, check, complaints} = visit;
  await page.context().addInitScript(noteLabels);
  await page.goto(`${url}/lab/`);
  await page.waitForSelector('.link.up');
  await page.click('[data-kind="heap"]');
  await page.waitForSelector('svg.flame .box-text');
  await visit.shot('curious');
  const [viewer] = await Promise.all([page.context().waitForEvent('page'), page.click('.curious a')]);
  watchPage(viewer, url, complaints);
  viewer.on('dialog', (dialog) => {
    complaints.push(`alert: ${dialog.message()}`);
    dialog.dismiss();
  });
  const isDrawn = () => viewer.waitForFunction(() => [...window.labels].some((text) => text.includes('leakMemory')));
  await isDrawn().catch(async () => check(false, `it shows ${await viewer.textContent('body')}`));
  const title = await viewer.title();
  check(/^c1 heap \(inuse_space\)/.test(title), `the title is ${title}`);
  await viewer.screenshot({path: `${visit.folder}/curious-speedscope.png`});
};
