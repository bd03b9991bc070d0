// SPDX-License-Identifier: MIT
// What the lab has sent is painted before the browser is busy with the page's scripts.
// Then all of them are fetched at once: otherwise it would learn of a module only when
// it has read those that import it.

// A page that nobody sees is never painted, so there is an end to the wait.
const LONGEST_WAIT = 200; // ms

function firstPaint() {
  return new Promise((resolve) => {
    requestAnimationFrame(() => setTimeout(resolve));
    setTimeout(resolve, LONGEST_WAIT);
  });
}

function preload(name) {
  const link = document.createElement('link');
  Object.assign(link, { rel: 'modulepreload', href: `/lab/page/${name}` });
  document.head.append(link);
}

await firstPaint();
for (const name of document.querySelector('meta[name=modules]').content.split(' ')) preload(name);
await import('./app.js');
