// SPDX-License-Identifier: MIT
// A lab for tests: DIAGLAB names the program. It ends with the test.
import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const source = fileURLToPath(new URL('../..', import.meta.url));

export function hasTool(name) {
  return spawnSync('sh', ['-c', `command -v ${name}`]).status === 0;
}

/** Why a test that needs a lab and these tools can't run, or false. */
export function whyNot(...tools) {
  if (!process.env.DIAGLAB) return 'DIAGLAB names no program';
  const missing = tools.find((name) => !hasTool(name));
  return missing ? `there is no ${missing}` : false;
}

function waitForAddress(lab) {
  return new Promise((resolve, reject) => {
    let log = '';
    lab.stderr.setEncoding('utf8');
    lab.stderr.on('data', (text) => {
      if (log !== undefined) log += text;
      const found = log?.match(/HTTP server started on (\S+)/);
      if (found) {
        log = undefined; // the rest is only read away
        resolve(`http://${found[1]}`);
      }
    });
    lab.on('exit', () => reject(new Error(`the lab has ended: ${log}`)));
  });
}

/** { url, dir, stop }; the progress is in a folder of its own. */
export async function startLab(...words) {
  const dir = mkdtempSync(join(tmpdir(), 'page-test-'));
  const lab = spawn(process.env.DIAGLAB, ['--listen', '127.0.0.1:0', '--scenarios', join(source, 'scenarios'),
    '--state', join(dir, 'state'), ...words], { stdio: ['ignore', 'ignore', 'pipe'] });
  const ended = new Promise((resolve) => lab.on('exit', resolve));
  const url = await waitForAddress(lab);
  const stop = async () => {
    lab.kill('SIGTERM');
    await ended;
    rmSync(dir, { recursive: true, force: true });
  };
  return { url, dir, stop };
}
