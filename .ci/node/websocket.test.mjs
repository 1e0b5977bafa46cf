// WebSocket clients that others wrote against gannet serve --fixture everything: the
// transport of the official client for TypeScript, on Node's own WebSocket, and the
// library ws, which compresses. GANNET is the path of the binary.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { after, test } from 'node:test';

import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { WebSocketClientTransport } from '@modelcontextprotocol/sdk/client/websocket.js';
import * as types from '@modelcontextprotocol/sdk/types.js';
import WebSocket from 'ws';

assert.ok(process.env.GANNET, 'GANNET names no binary');
const gannet = spawn(process.env.GANNET, ['serve', '--fixture', 'everything', '--listen', 'http://127.0.0.1:0', '--listen', 'ws://127.0.0.1:0/mcp', '--ws-ping', '200ms'], {
  stdio: ['ignore', 'pipe', 'ignore'],
});
const lines = [];
await new Promise((resolve) => createInterface(gannet.stdout).on('line', (line) => (lines.push(line.replace('listening ', '')), lines.length === 2 && resolve())));
const urls = [`${lines[0].replace('http', 'ws')}/ws`, lines[1]];
after(() => gannet.kill());

for (const url of urls) {
  test(`the official client, ${new URL(url).pathname}`, { timeout: 60_000 }, async () => {
    const client = new Client({ name: 'node', version: '1' }, { capabilities: { sampling: {}, elicitation: { form: {} } } });
    client.setRequestHandler(types.CreateMessageRequestSchema, (r) => ({ role: 'assistant', model: 'm', content: { type: 'text', text: `sampled: ${r.params.messages[0].content.text}` } }));
    client.setRequestHandler(types.ElicitRequestSchema, () => ({ action: 'accept', content: { username: 'ann', email: 'ann@example.org' } }));
    const logged = new Promise((resolve) => client.setNotificationHandler(types.LoggingMessageNotificationSchema, (n) => resolve(n.params)));
    await client.connect(new WebSocketClientTransport(new URL(url)));
    const text = async (name, args = {}, options) => (await client.callTool({ name, arguments: args }, undefined, options)).content.map((c) => c.text ?? '').join('');
    assert.ok((await client.listTools()).tools.length > 20);
    assert.equal(await text('test_simple_text'), 'This is a simple text response for testing.');
    assert.match(await text('test_sampling', { prompt: 'hello' }), /sampled: hello/);
    assert.match(await text('test_elicitation', { message: 'Who?' }), /ann@example\.org/);
    const told = [];
    await text('test_tool_with_progress', {}, { onprogress: (p) => told.push(p.progress) });
    assert.equal(told.at(-1), 100, JSON.stringify(told));
    await client.setLoggingLevel('debug');
    await text('test_tool_with_logging');
    assert.equal((await logged).level, 'info');
    await client.ping();
    await assert.rejects(client.readResource({ uri: 'test://none' }));
    await new Promise((resolve) => setTimeout(resolve, 1000)); // pings come and are answered
    assert.equal(await text('test_simple_text'), 'This is a simple text response for testing.');
    await client.close();
  });

  for (const perMessageDeflate of [false, true]) {
    test(`ws, ${new URL(url).pathname}, deflate ${perMessageDeflate}`, { timeout: 60_000 }, async () => {
      const socket = new WebSocket(url, ['mcp'], { perMessageDeflate: perMessageDeflate && { threshold: 0, serverMaxWindowBits: 10 } });
      await once(socket, 'open');
      assert.equal(socket.protocol, 'mcp');
      assert.equal(socket.extensions.includes('permessage-deflate'), perMessageDeflate);
      const ask = async (m) => {
        socket.send(JSON.stringify({ jsonrpc: '2.0', ...m }));
        for (;;) {
          const [data, binary] = await once(socket, 'message');
          assert.equal(binary, false);
          const answer = JSON.parse(data);
          if (answer.id === m.id) return answer;
        }
      };
      await ask({ id: 0, method: 'initialize', params: { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 'ws', version: '1' } } });
      const { tools } = (await ask({ id: 1, method: 'tools/list' })).result;
      assert.ok(tools.length > 20);
      for (const size of [0, 1, 100, 1000, 100_000]) {
        const args = { prompt: 'x'.repeat(size) };
        assert.equal((await ask({ id: `n${size}`, method: 'tools/call', params: { name: 'test_simple_text', arguments: args } })).error, undefined);
      }
      const pong = once(socket, 'pong');
      socket.ping('are you there');
      assert.equal(String((await pong)[0]), 'are you there');
      await once(socket, 'ping'); // theirs
      const closed = once(socket, 'close');
      socket.close(1000, 'done');
      assert.equal((await closed)[0], 1000);
    });
  }

  test(`ws, ${new URL(url).pathname}, what is refused`, { timeout: 30_000 }, async () => {
    for (const origin of ['https://evil.example', 'null']) {
      const [error] = await once(new WebSocket(url, ['mcp'], { origin }), 'error');
      assert.match(String(error), /403/);
    }
    const binary = new WebSocket(url);
    await once(binary, 'open');
    const closed = once(binary, 'close');
    binary.send(Buffer.from('{}'));
    const [code, reason] = await closed;
    assert.equal(code, 1003);
    assert.match(String(reason), /text/);
  });
}

test('a server that ends', { timeout: 30_000 }, async () => {
  const server = spawn(process.env.GANNET, ['serve', '--demo', '--listen', 'ws://127.0.0.1:0'], { stdio: ['ignore', 'pipe', 'ignore'] });
  const url = await new Promise((resolve) => createInterface(server.stdout).once('line', (line) => resolve(line.replace('listening ', ''))));
  const socket = new WebSocket(url);
  await once(socket, 'open');
  const closed = once(socket, 'close');
  const exited = once(server, 'exit');
  server.kill('SIGTERM');
  assert.equal((await closed)[0], 1001);
  assert.deepEqual(await exited, [0, null]);
});
