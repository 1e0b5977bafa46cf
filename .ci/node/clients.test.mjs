// The official TypeScript clients, v1 and v2, and the Inspector's command line,
// over stdio against gannet serve --demo. GANNET is the path of the binary.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { createRequire } from 'node:module';
import path from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';

import { Client as ClientV1 } from '@modelcontextprotocol/sdk/client/index.js';
import { StdioClientTransport as StdioV1 } from '@modelcontextprotocol/sdk/client/stdio.js';
import { Client as ClientV2 } from '@modelcontextprotocol/client';
import { StdioClientTransport as StdioV2 } from '@modelcontextprotocol/client/stdio';

const server = { command: process.env.GANNET, args: ['serve', '--demo', '--listen', 'stdio'], stderr: 'pipe' };
assert.ok(server.command, 'GANNET names no binary');
const info = { name: 'interop', version: '1' };
const modern = '2026-07-28';

// What is different between the clients. What a client does wrong is said here.
const clients = [
  {
    name: 'sdk 1.32.2',
    revision: '2025-11-25',
    make: () => [new ClientV1(info), new StdioV1(server)],
    call: (c, params, options) => c.callTool(params, undefined, options),
  },
  ...[
    ['legacy', 'legacy', '2025-11-25'],
    ['auto', 'auto', modern],
    ['pinned', { pin: modern }, modern],
  ].map(([name, mode, revision]) => ({
    name: `client 2.4.0 ${name}`,
    revision,
    make: () => [new ClientV2(info, { versionNegotiation: { mode } }), new StdioV2(server)],
    call: (c, params, options) => c.callTool(params, options),
  })),
];

for (const { name, revision, make, call } of clients) {
  test(name, { timeout: 60_000 }, async (t) => {
    const [client, transport] = make();
    // Watch the wire for what the server answers with.
    const exited = new Promise((resolve) => {
      const connect = client.connect.bind(client);
      client.connect = async (...args) => {
        await connect(...args);
        transport._process.once('exit', (code, signal) => resolve({ code, signal }));
      };
    });
    await client.connect(transport);
    const echo = (text, more) => call(client, { name: 'echo', arguments: { text, ...more } });

    await t.test('negotiates', () => {
      const got = client.getNegotiatedProtocolVersion?.() ?? transport._protocolVersion ?? client._negotiatedProtocolVersion;
      if (got !== undefined) assert.equal(got, revision);
      assert.equal(client.getServerVersion()?.name, 'gannet');
      assert.ok(client.getServerCapabilities()?.tools);
    });
    if (revision !== modern) await t.test('pings', () => client.ping());
    await t.test('lists tools', async () => {
      const { tools } = await client.listTools();
      assert.deepEqual(tools.map((x) => x.name).sort(), ['add', 'blob', 'delay', 'echo', 'hello', 'summarize']);
      const add = tools.find((x) => x.name === 'add');
      assert.equal(add.inputSchema.type, 'object');
      assert.equal(add.outputSchema.type, 'object');
      assert.equal(add.annotations.readOnlyHint, true);
      assert.ok(!JSON.stringify(tools).includes('["null"'), 'a union with null');
    });
    await t.test('calls', async () => {
      const text = 'quotes " and \\, lines\n, Кириллица, 漢字, 🙂, \u2028, \u0000';
      for (const more of [{}, { ms: 20 }]) {
        const r = await echo(text, more);
        assert.deepEqual(r.content, [{ type: 'text', text }]);
      }
      const blob = await call(client, { name: 'blob', arguments: { bytes: 100_000 } });
      assert.equal(blob.content[0].text.length, 100_000);
      const sum = await call(client, { name: 'add', arguments: { a: 1.5, b: 2 } });
      assert.deepEqual(sum.structuredContent, { sum: 3.5 });
      const many = await Promise.all(Array.from({ length: 64 }, (_, i) => echo(`${i}`, i % 2 ? { ms: i % 8 } : {})));
      many.forEach((r, i) => assert.equal(r.content[0].text, `${i}`));
    });
    await t.test('is told of progress', async () => {
      const told = [];
      const r = await call(client, { name: 'delay', arguments: { ms: 200, text: 'slept' } }, { onprogress: (p) => told.push(p) });
      assert.equal(r.content[0].text, 'slept');
      assert.ok(told.length >= 3 && told.every((p) => p.total === 4), JSON.stringify(told));
    });
    await t.test('cancels', async () => {
      const stop = new AbortController();
      setTimeout(() => stop.abort('changed my mind'), 100);
      const begin = Date.now();
      await assert.rejects(call(client, { name: 'delay', arguments: { ms: 50_000, text: 'never' } }, { signal: stop.signal }));
      assert.ok(Date.now() - begin < 20_000);
      assert.equal((await echo('still there')).content[0].text, 'still there');
    });
    await t.test('is told what was wrong', async () => {
      for (const [tool, args, says] of [
        ['nothing', {}, /nothing/],
        ['add', { a: 'one', b: 2 }, /\ba\b/],
        ['echo', {}, /text/],
        ['blob', { bytes: -1 }, /bytes/],
      ]) {
        let said;
        try {
          const r = await call(client, { name: tool, arguments: args });
          assert.equal(r.isError, true, `${tool} succeeds`);
          said = r.content[0].text;
        } catch (e) {
          said = e.message;
        }
        assert.match(said, says);
      }
    });
    await t.test('ends', async () => {
      await client.close();
      assert.deepEqual(await exited, { code: 0, signal: null });
    });
  });
}

test('Inspector CLI', { timeout: 120_000 }, async (t) => {
  const dir = path.dirname(createRequire(import.meta.url).resolve('@modelcontextprotocol/inspector/package.json'));
  const inspector = path.join(dir, 'clients/launcher/build/index.js');
  const run = async (...args) => {
    const { stdout } = await promisify(execFile)(
      process.execPath,
      [inspector, '--cli', ...args, '--', server.command, ...server.args],
      { timeout: 50_000 },
    );
    return JSON.parse(stdout);
  };
  await t.test('tools/list', async () => {
    const { tools } = await run('--method', 'tools/list');
    assert.equal(tools.length, 6);
  });
  await t.test('tools/call', async () => {
    const r = await run('--method', 'tools/call', '--tool-name', 'echo', '--tool-arg', 'text=hello');
    assert.equal(r.content[0].text, 'hello');
  });
});
