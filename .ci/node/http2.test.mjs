// Node's own client of HTTP/2 (nghttp2), against gannet serve --demo without TLS.
// GANNET is the path of the binary.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import http2 from 'node:http2';
import { createInterface } from 'node:readline';
import { after, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';

assert.ok(process.env.GANNET, 'GANNET names no binary');

async function serve() {
  const server = spawn(process.env.GANNET, ['serve', '--demo', '--listen', 'http://127.0.0.1:0'], { stdio: ['ignore', 'pipe', 'ignore'] });
  const [line] = await once(createInterface(server.stdout), 'line');
  return { server, base: line.replace('listening ', '') };
}

const { server, base } = await serve();
after(() => server.kill());

const meta = { 'io.modelcontextprotocol/protocolVersion': '2026-07-28', 'io.modelcontextprotocol/clientCapabilities': {} };

// begin sends a call, and returns the stream of its answer.
function begin(session, name, args, more = {}) {
  const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name, arguments: args, _meta: { ...meta, ...more } } });
  const stream = session.request({
    ':method': 'POST', ':path': '/mcp', 'content-type': 'application/json', accept: 'application/json, text/event-stream',
    'mcp-protocol-version': '2026-07-28', 'mcp-method': 'tools/call', 'mcp-name': name,
  });
  stream.end(body);
  return stream;
}

async function answer(stream) {
  const [head] = await once(stream, 'response');
  let text = '';
  stream.setEncoding('utf8');
  for await (const piece of stream) text += piece;
  return { status: head[':status'], type: head['content-type'], text };
}

async function connected(run, options) {
  const session = http2.connect(base, options);
  const failed = new Promise((_, reject) => session.once('error', reject));
  try {
    await Promise.race([run(session), failed]);
  } finally {
    session.close();
    await once(session, 'close');
  }
}

test('many calls at a time, large both ways', { timeout: 60_000 }, () =>
  connected(async (session) => {
    const calls = Array.from({ length: 90 }, async (_, i) => {
      const text = String(i).repeat(1 + (i % 5) * 20_000);
      const a = await answer(begin(session, 'echo', { text }));
      assert.equal(a.status, 200);
      assert.equal(JSON.parse(a.text).result.content[0].text, text);
    });
    await Promise.all(calls);
  }));

test('an event stream that is read late, beside others', { timeout: 60_000 }, () =>
  connected(
    async (session) => {
      const stream = begin(session, 'delay', { ms: 200, text: 'late' }, { progressToken: 'p' });
      const [head] = await once(stream, 'response');
      assert.equal(head['content-type'], 'text/event-stream');
      const big = begin(session, 'blob', { bytes: 300_000 });
      await once(big, 'response'); // not read: its window is full
      for (let i = 0; i < 5; i++) assert.equal((await answer(begin(session, 'echo', { text: 'x' }))).status, 200);
      let events = '';
      stream.setEncoding('utf8');
      for await (const piece of stream) events += piece;
      assert.match(events, /notifications\/progress[^]*"text":"late"/);
      let size = 0;
      for await (const piece of big) size += piece.length;
      assert.ok(size > 300_000, `${size} bytes`);
    },
    { settings: { initialWindowSize: 10_000 } },
  ));

test('a call that is given up', { timeout: 60_000 }, () =>
  connected(async (session) => {
    const given = begin(session, 'delay', { ms: 60_000, text: 'x' });
    await sleep(100);
    given.close(http2.constants.NGHTTP2_CANCEL);
    await once(given, 'close');
    assert.equal((await answer(begin(session, 'echo', { text: 'x' }))).status, 200);
    await new Promise((resolve, reject) => session.ping((err) => (err ? reject(err) : resolve())));
  }));

test('what is refused is answered', { timeout: 60_000 }, () =>
  connected(async (session) => {
    for (const [headers, status] of [
      [{ ':path': '/none' }, 404],
      [{ ':path': '/mcp', ':method': 'PUT' }, 405],
      [{ ':path': '/a b' }, 400],
      [{ ':path': '/', origin: 'https://evil.example' }, 403],
      [{ ':path': '/', 'x-large': 'x'.repeat(40_000) }, 431],
    ]) {
      const a = await answer(session.request(headers, { endStream: true }));
      assert.equal(a.status, status, JSON.stringify(headers).slice(0, 100));
    }
  }));

test('a shutdown lets calls end', { timeout: 60_000 }, async () => {
  const { server: other, base: at } = await serve();
  const session = http2.connect(at);
  const late = begin(session, 'delay', { ms: 500, text: 'late' });
  const answered = answer(late);
  await sleep(200);
  other.kill('SIGTERM');
  const [code] = await once(session, 'goaway');
  assert.equal(code, http2.constants.NGHTTP2_NO_ERROR);
  assert.match((await answered).text, /late/);
  if (!session.closed) session.close();
  const [exit] = await once(other, 'exit');
  assert.equal(exit, 0);
});
