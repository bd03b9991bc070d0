// SPDX-License-Identifier: MIT
// What the page asks of the lab. Each action is { method, path, form?, json? }, which
// is sent by `send` and shown to the student by `curlOf`.

/** The lab answered with an error; `message` is its sentence. */
export class Refused extends Error {
  constructor(status, message) {
    super(message);
    this.name = 'Refused';
    this.status = status;
  }
}

function quoteWord(word) {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll('\'', '\'\\\'\'')}'`;
}

/** The words as one line for a shell. */
export function shellLine(words) {
  return words.map(quoteWord).join(' ');
}

export function fullUrl(path) {
  return location.origin + path;
}

function formOf(fields) {
  return new URLSearchParams(Object.entries(fields).flatMap(([key, value]) =>
    [value].flat().filter((v) => v !== undefined && v !== '').map((v) => [key, String(v)])));
}

/** The command that does the same as the action. */
export function curlOf(action) {
  const { method = 'GET', path, form, output } = action;
  const words = ['curl'];
  if (output) words.push('-o', output);
  const data = form ? [...formOf(form)] : [];
  if (method === 'DELETE' || (method === 'POST' && data.length === 0)) words.push('-X', method);
  for (const [key, value] of data) {
    words.push(/[&=+%;#]|[^\x20-\x7e]/.test(value) ? '--data-urlencode' : '-d', `${key}=${value}`);
  }
  words.push(fullUrl(path.replace(/[?&]format=json$/, ''))); // a person reads text
  return shellLine(words);
}

async function refuse(answer) {
  const text = (await answer.text()).trim();
  const plain = /<[a-z!]/i.test(text) ? '' : text.slice(0, 500);
  throw new Refused(answer.status, plain || `the lab answered with status ${answer.status}`);
}

/** Sends the action; the answer is a Response with a good status. */
export async function send(action, options = {}) {
  const { method = 'GET', path, form } = action;
  const headers = { Accept: 'application/json, */*;q=0.5' };
  const init = { method, headers, cache: 'no-store', ...options };
  if (form) init.body = formOf(form);
  let answer;
  try {
    answer = await fetch(path, init);
  } catch (error) {
    if (error.name === 'AbortError') throw error;
    throw new Refused(0, 'The lab can\'t be reached. Is it still running?');
  }
  if (!answer.ok) await refuse(answer);
  return answer;
}

export async function getJson(path) {
  return (await send({ path })).json();
}

/** The same, or undefined where the lab has no such path. */
export async function getJsonIfAny(path) {
  try {
    return await getJson(path);
  } catch (error) {
    if (error instanceof Refused && [403, 404].includes(error.status)) return undefined;
    throw error;
  }
}

export async function getBytes(path, options) {
  return new Uint8Array(await (await send({ path }, options)).arrayBuffer());
}

// ---- the actions --------------------------------------------------------------

export function gotoAction(step, params = {}) {
  const query = new URLSearchParams({ step, ...params });
  return { method: 'POST', path: `/goto?${query}` };
}

/** kind is a profile's name with its parameters: "profile", { seconds: 5 } */
export function profilePath(name, params = {}) {
  const query = new URLSearchParams(Object.entries(params).filter(([, v]) => v !== undefined && v !== '')).toString();
  return `/debug/pprof/${encodeURIComponent(name)}${query ? `?${query}` : ''}`;
}

export const paths = {
  steps: '/steps?format=json', status: '/status', classes: '/lab/classes?format=json',
  captures: '/lab/captures?format=json', progress: '/lab/api/progress',
  stream: '/lab/api/stream', load: '/lab/api/load', solution: '/lab/api/solution',
  repair: '/lab/api/repair?format=json',
  hint: (n) => `/hint?n=${n}&format=json`,
  capture: (id) => `/lab/captures?id=${encodeURIComponent(id)}`,
  source: (file) => `/lab/api/source?file=${encodeURIComponent(file)}`,
};
