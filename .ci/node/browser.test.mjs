// A browser as a client: pages in headless Chromium that use the official
// clients for TypeScript against gannet serve --fixture everything, from another
// origin of this machine, and a page of a foreign origin, which must get
// nowhere. GANNET is the path of the binary, CHROMIUM that of the browser.
import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { after, before, test } from 'node:test';

import { rolldown } from 'rolldown';

assert.ok(process.env.GANNET, 'GANNET names no binary');
const chromium = process.env.CHROMIUM ?? '/usr/bin/chromium';
const skip = !existsSync(chromium) && !process.env.CI && `no browser at ${chromium}`;

// What fails before the page can report is reported all the same.
const html = `<!doctype html><script>
const report = (e) => fetch('/done', { method: 'POST', body: JSON.stringify({ broken: String(e.message ?? e.reason) }) });
addEventListener('error', report);
addEventListener('unhandledrejection', report);
</script><script type="module" src="/page.mjs"></script>`;

let gannet, base, page, site, home;

before(async () => {
  if (skip) return;
  gannet = spawn(process.env.GANNET, ['serve', '--fixture', 'everything', '--listen', 'http://127.0.0.1:0'], { stdio: ['ignore', 'pipe', 'ignore'] });
  base = await new Promise((resolve) => createInterface(gannet.stdout).once('line', (line) => resolve(line.replace('listening ', ''))));
  const bundle = await rolldown({ input: path.join(import.meta.dirname, 'browser.page.mjs'), platform: 'browser', logLevel: 'silent' });
  const { code } = (await bundle.generate({ format: 'esm' })).output[0];
  page = createServer((req, res) => {
    if (req.method === 'POST') {
      let body = '';
      req.on('data', (b) => (body += b)).on('end', () => {
        res.end();
        page.emit('done', JSON.parse(body));
      });
    } else if (req.url === '/page.mjs') {
      res.setHeader('Content-Type', 'text/javascript').end(code);
    } else {
      res.setHeader('Content-Type', 'text/html').end(html);
    }
  });
  await new Promise((resolve) => page.listen(0, '127.0.0.1', resolve));
  site = `127.0.0.1:${page.address().port}`;
  home = mkdtempSync(path.join(tmpdir(), 'gannet-browser-'));
});

after(() => {
  gannet?.kill();
  page?.closeAllConnections();
  page?.close();
  if (home) rmSync(home, { recursive: true, force: true });
});

// visit has a page of an origin do some work, and returns what it reports.
async function visit(origin, work, server = base) {
  const browser = execFile(chromium, [
    '--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
    '--disable-component-update', '--disable-sync', '--host-resolver-rules=MAP foreign.example 127.0.0.1', `--user-data-dir=${home}`,
    '--remote-debugging-port=0',
    `http://${origin}/?server=${encodeURIComponent(server)}&work=${work}`,
  ], { env: { ...process.env, HOME: home } });
  const exited = new Promise((resolve) => browser.once('exit', resolve));
  let timer;
  try {
    return await Promise.race([
      new Promise((resolve) => page.once('done', resolve)),
      new Promise((_, reject) => (timer = setTimeout(() => reject(new Error('the page has not reported within a minute')), 60_000))),
    ]);
  } finally {
    clearTimeout(timer);
    browser.kill();
    await exited;
  }
}

test('a page of this machine', { skip, timeout: 90_000 }, async () => {
  const done = await visit(site, 'http,sse,ws,modern,post');
  for (const name of ['http', 'sse', 'ws']) {
    const said = done[name];
    assert.equal(said.call, 'This is a simple text response for testing.', JSON.stringify(said));
    assert.ok(said.tools > 20);
    assert.match(said.asked, /ann@example\.org/);
    assert.equal(said.progress, 100);
    assert.equal(said.logged, 'info');
  }
  assert.equal(done.modern.call, 'This is a simple text response for testing.', JSON.stringify(done.modern));
  assert.equal(done.post, 415); // what a form could send
});

test('a page of a foreign origin', { skip, timeout: 90_000 }, async () => {
  const foreign = site.replace('127.0.0.1', 'foreign.example');
  for (const [name, said] of Object.entries(await visit(foreign, 'http,sse,ws,modern,post'))) assert.match(said.failed ?? '', /fail|error/i, name);
  // A name that leads to this machine (DNS rebinding): the browser holds the
  // server for the page's own.
  const rebound = await visit(foreign, 'http,ws,post', base.replace('127.0.0.1', 'foreign.example'));
  for (const name of ['http', 'ws', 'post']) assert.ok(rebound[name].failed || rebound[name] === 403, `${name}: ${JSON.stringify(rebound[name])}`);
});
