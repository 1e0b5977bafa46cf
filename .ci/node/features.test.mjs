// The official TypeScript clients, v1 and v2 (the latter in its three negotiations), use all
// that gannet serve --fixture everything offers, over stdio, Streamable HTTP and
// HTTP with SSE. GANNET is the path of the binary.
import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { createRequire } from 'node:module';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { after, test } from 'node:test';
import { promisify } from 'node:util';

import { Client as ClientV1 } from '@modelcontextprotocol/sdk/client/index.js';
import { SSEClientTransport as SSEV1 } from '@modelcontextprotocol/sdk/client/sse.js';
import { StdioClientTransport as StdioV1 } from '@modelcontextprotocol/sdk/client/stdio.js';
import { StreamableHTTPClientTransport as HTTPV1 } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import * as v1 from '@modelcontextprotocol/sdk/types.js';
import { Client as ClientV2, SSEClientTransport as SSEV2, StreamableHTTPClientTransport as HTTPV2 } from '@modelcontextprotocol/client';
import { StdioClientTransport as StdioV2 } from '@modelcontextprotocol/client/stdio';

const server = { command: process.env.GANNET, args: ['serve', '--fixture', 'everything', '--listen', 'stdio'], stderr: 'pipe' };
assert.ok(server.command, 'GANNET names no binary');
const info = { name: 'features', version: '1' };

// One server on HTTP for all.
const http = spawn(server.command, ['serve', '--fixture', 'everything', '--listen', 'http://127.0.0.1:0'], { stdio: ['ignore', 'pipe', 'ignore'] });
const base = await new Promise((resolve) => createInterface(http.stdout).once('line', (line) => resolve(line.replace('listening ', ''))));
after(() => http.kill());
const capabilities = { sampling: {}, elicitation: { form: {} }, roots: { listChanged: true } };

// How the clients differ.
const clients = [
  ...Object.entries({
    stdio: () => new StdioV1(server),
    http: () => new HTTPV1(new URL(`${base}/mcp`)),
    sse: () => new SSEV1(new URL(`${base}/sse`)),
  }).map(([kind, transport]) => ({
    name: `sdk 1.32.2 ${kind}`,
    modern: false,
    make: () => [new ClientV1(info, { capabilities }), transport()],
    handle: (c, method, handler) =>
      c.setRequestHandler(
        { 'sampling/createMessage': v1.CreateMessageRequestSchema, 'elicitation/create': v1.ElicitRequestSchema, 'roots/list': v1.ListRootsRequestSchema }[method],
        handler,
      ),
    notified: (c, method, handler) =>
      c.setNotificationHandler(
        {
          'notifications/message': v1.LoggingMessageNotificationSchema,
          'notifications/resources/updated': v1.ResourceUpdatedNotificationSchema,
          'notifications/tools/list_changed': v1.ToolListChangedNotificationSchema,
          'notifications/prompts/list_changed': v1.PromptListChangedNotificationSchema,
        }[method],
        handler,
      ),
    call: (c, params, options) => c.callTool(params, undefined, options),
  })),
  ...[
    ['legacy', 'stdio', () => new StdioV2(server)],
    ['auto', 'stdio', () => new StdioV2(server)],
    ['pinned', 'stdio', () => new StdioV2(server)],
    ['legacy', 'http', () => new HTTPV2(new URL(`${base}/mcp`))],
    ['auto', 'http', () => new HTTPV2(new URL(`${base}/mcp`))],
    ['pinned', 'http', () => new HTTPV2(new URL(`${base}/mcp`))],
    ['legacy', 'sse', () => new SSEV2(new URL(`${base}/sse`))],
  ].map(([mode, kind, transport]) => ({
    name: `client 2.4.0 ${mode} ${kind}`,
    modern: mode !== 'legacy',
    make: () => [new ClientV2(info, { capabilities, versionNegotiation: { mode: mode === 'pinned' ? { pin: '2026-07-28' } : mode } }), transport()],
    handle: (c, method, handler) => c.setRequestHandler(method, handler),
    notified: (c, method, handler) => c.setNotificationHandler(method, handler),
    call: (c, params, options) => c.callTool(params, options),
  })),
];

// What waits for a resource that changes every three seconds: all at once, at the end.
const later = [];

for (const { name, modern, make, handle, notified, call } of clients) {
  test(name, { timeout: 120_000 }, async (t) => {
    const [client, transport] = make();
    handle(client, 'sampling/createMessage', (r) => ({
      role: 'assistant',
      model: 'm',
      content: { type: 'text', text: `sampled: ${r.params.messages[0].content.text}` },
    }));
    handle(client, 'elicitation/create', () => ({
      action: 'accept',
      content: { username: 'ann', email: 'ann@example.org', name: 'Ann', confirm: true, ok: true },
    }));
    handle(client, 'roots/list', () => ({ roots: [{ uri: 'file:///work', name: 'work' }] }));
    const told = new Map(); // what was told, by method
    const waiting = [];
    for (const method of ['notifications/message', 'notifications/resources/updated', 'notifications/tools/list_changed', 'notifications/prompts/list_changed']) {
      notified(client, method, (n) => {
        told.set(method, [...(told.get(method) ?? []), n.params]);
        waiting.forEach((f) => f());
      });
    }
    const until = async (method) => {
      while (!told.has(method)) await new Promise((f) => waiting.push(f));
    };
    await client.connect(transport);
    later.push([name, changes]);
    const text = async (tool, args = {}, options) => {
      const r = await call(client, { name: tool, arguments: args }, options);
      return r.content.map((c) => c.text ?? '').join('');
    };

    await t.test('content of all kinds', async () => {
      assert.equal(await text('test_simple_text'), 'This is a simple text response for testing.');
      const kinds = [];
      for (const tool of ['test_image_content', 'test_audio_content', 'test_embedded_resource', 'test_multiple_content_types']) {
        kinds.push(...(await call(client, { name: tool, arguments: {} })).content.map((c) => c.type));
      }
      assert.deepEqual(kinds, ['image', 'audio', 'resource', 'text', 'image', 'resource']);
      assert.equal((await call(client, { name: 'test_error_handling', arguments: {} })).isError, true);
    });
    await t.test('schemas come as they were written', async () => {
      const { tools } = await client.listTools();
      const s = tools.find((x) => x.name === 'json_schema_2020_12_tool').inputSchema;
      assert.equal(s.$defs.address.$anchor, 'addressDef');
      assert.equal(s.additionalProperties, false);
    });
    await t.test('sampling, elicitation, roots', async () => {
      assert.match(await text('test_sampling', { prompt: 'hello' }), /sampled: hello/);
      assert.match(await text('test_elicitation', { message: 'Who?' }), /ann@example\.org/);
      assert.match(await text('test_input_required_result_elicitation'), /Hello, Ann!/);
      assert.match(await text('test_input_required_result_list_roots'), /file:\/\/\/work/);
      assert.match(await text('test_input_required_result_request_state'), /state-ok/);
    });
    await t.test('progress', async () => {
      const reports = [];
      await text('test_tool_with_progress', {}, { onprogress: (p) => reports.push(p.progress) });
      assert.ok(reports.length >= 2 && reports.at(-1) === 100, JSON.stringify(reports));
    });
    if (!modern) {
      await t.test('logging', async () => {
        await client.setLoggingLevel('debug');
        await text('test_tool_with_logging');
        await until('notifications/message');
        assert.equal(told.get('notifications/message')[0].level, 'info');
      });
    }
    await t.test('prompts and completion', async () => {
      const { prompts } = await client.listPrompts();
      assert.ok(prompts.length >= 4);
      const p = await client.getPrompt({ name: 'test_prompt_with_arguments', arguments: { arg1: 'one', arg2: 'two' } });
      assert.match(p.messages[0].content.text, /one[^]*two/);
      await assert.rejects(client.getPrompt({ name: 'nothing' }));
      const done = await client.complete({ ref: { type: 'ref/prompt', name: 'test_prompt_with_arguments' }, argument: { name: 'arg1', value: '' } });
      assert.ok(Array.isArray(done.completion.values));
    });
    await t.test('resources and templates', async () => {
      const { resources } = await client.listResources();
      assert.ok(resources.length >= 3);
      assert.equal((await client.listResourceTemplates()).resourceTemplates.length, 1);
      assert.equal((await client.readResource({ uri: 'test://static-text' })).contents[0].text, 'This is the content of the static text resource.');
      assert.ok((await client.readResource({ uri: 'test://static-binary' })).contents[0].blob.length > 0);
      assert.match((await client.readResource({ uri: 'test://template/123/data' })).contents[0].text, /123/);
      await assert.rejects(client.readResource({ uri: 'test://none' }));
    });
    async function changes(t) {
      t.after(() => client.close());
      const watched = 'test://watched-resource';
      if (modern) await client.listen({ toolsListChanged: true, promptsListChanged: true, resourceSubscriptions: [watched] });
      else await client.subscribeResource({ uri: watched });
      await text('test_trigger_tool_change');
      await until('notifications/tools/list_changed');
      await text('test_trigger_prompt_change');
      await until('notifications/prompts/list_changed');
      await until('notifications/resources/updated');
      assert.equal(told.get('notifications/resources/updated')[0].uri, watched);
      if (!modern) await client.unsubscribeResource({ uri: watched });
    }
  });
}

test('changes', { timeout: 120_000, concurrency: true }, async (t) => {
  assert.equal(later.length, clients.length);
  await Promise.all(later.map(([name, changes]) => t.test(name, changes)));
});

test('Inspector CLI', { timeout: 200_000 }, async (t) => {
  const dir = path.dirname(createRequire(import.meta.url).resolve('@modelcontextprotocol/inspector/package.json'));
  const inspector = path.join(dir, 'clients/launcher/build/index.js');
  const start = async (...args) => JSON.parse((await promisify(execFile)(process.execPath, [inspector, '--cli', ...args], { timeout: 50_000 })).stdout);
  const run = (...args) => start(...args, '--', server.command, ...server.args);
  for (const [kind, path] of [['http', '/mcp'], ['sse', '/sse']]) {
    await t.test(kind, async () => {
      const { tools } = await start(`${base}${path}`, '--transport', kind, '--method', 'tools/list');
      assert.ok(tools.length > 20);
    });
  }
  await t.test('prompts', async () => {
    assert.ok((await run('--method', 'prompts/list')).prompts.length >= 4);
    const p = await run('--method', 'prompts/get', '--prompt-name', 'test_prompt_with_arguments', '--prompt-args', 'arg1=one', 'arg2=two');
    assert.match(JSON.stringify(p), /one[^]*two/);
  });
  await t.test('resources', async () => {
    assert.ok((await run('--method', 'resources/list')).resources.length >= 3);
    assert.equal((await run('--method', 'resources/templates/list')).resourceTemplates.length, 1);
    const r = await run('--method', 'resources/read', '--uri', 'test://static-text');
    assert.match(r.contents[0].text, /static text resource/);
  });
});
