// Programs that stand between a client and a server on HTTP, against gannet serve
// --fixture everything: mcp-remote, which is a server on stdio for the official
// client, and mcporter's command line; each over Streamable HTTP and HTTP with
// SSE. GANNET is the path of the binary.
import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { after, test } from 'node:test';
import { promisify } from 'node:util';

import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js';
import * as types from '@modelcontextprotocol/sdk/types.js';

assert.ok(process.env.GANNET, 'GANNET names no binary');
const modules = path.join(import.meta.dirname, 'node_modules');
const home = mkdtempSync(path.join(tmpdir(), 'gannet-http-')); // both keep files in it
const env = { ...process.env, HOME: home, XDG_CONFIG_HOME: home, MCP_REMOTE_CONFIG_DIR: path.join(home, 'mcp-remote') };
const http = spawn(process.env.GANNET, ['serve', '--fixture', 'everything', '--listen', 'http://127.0.0.1:0'], { stdio: ['ignore', 'pipe', 'ignore'] });
const base = await new Promise((resolve) => createInterface(http.stdout).once('line', (line) => resolve(line.replace('listening ', ''))));
after(() => {
  http.kill();
  rmSync(home, { recursive: true, force: true });
});

for (const [kind, page] of [['http-only', '/mcp'], ['sse-only', '/sse'], ['http-first', '/mcp'], ['sse-first', '/sse']]) {
  test(`mcp-remote 0.15.1 ${kind}`, { timeout: 90_000 }, async () => {
    const transport = new StdioClientTransport({
      command: process.execPath,
      args: [path.join(modules, 'mcp-remote/dist/proxy.js'), `${base}${page}`, '--allow-http', '--transport', kind],
      env,
      stderr: 'ignore',
    });
    const client = new Client({ name: 'bridged', version: '1' }, { capabilities: { sampling: {}, elicitation: { form: {} } } });
    client.setRequestHandler(types.CreateMessageRequestSchema, (r) => ({
      role: 'assistant',
      model: 'm',
      content: { type: 'text', text: `sampled: ${r.params.messages[0].content.text}` },
    }));
    client.setRequestHandler(types.ElicitRequestSchema, () => ({ action: 'accept', content: { username: 'ann', email: 'ann@example.org' } }));
    const logged = new Promise((resolve) => client.setNotificationHandler(types.LoggingMessageNotificationSchema, (n) => resolve(n.params)));
    await client.connect(transport);
    try {
      const { tools } = await client.listTools();
      assert.ok(tools.length > 20, `${tools.length} tools`);
      const text = async (name, args = {}, options) =>
        (await client.callTool({ name, arguments: args }, undefined, options)).content.map((c) => c.text ?? '').join('');
      assert.equal(await text('test_simple_text'), 'This is a simple text response for testing.');
      assert.match(await text('test_sampling', { prompt: 'hello' }), /sampled: hello/);
      assert.match(await text('test_elicitation', { message: 'Who?' }), /ann@example\.org/);
      const told = [];
      await text('test_tool_with_progress', {}, { onprogress: (p) => told.push(p.progress) });
      assert.equal(told.at(-1), 100, JSON.stringify(told));
      await client.setLoggingLevel('debug');
      await text('test_tool_with_logging');
      assert.equal((await logged).level, 'info');
      assert.equal((await client.readResource({ uri: 'test://static-text' })).contents[0].text, 'This is the content of the static text resource.');
      assert.match(JSON.stringify(await client.getPrompt({ name: 'test_prompt_with_arguments', arguments: { arg1: 'one', arg2: 'two' } })), /one[^]*two/);
      await assert.rejects(client.readResource({ uri: 'test://none' }));
      assert.equal((await client.callTool({ name: 'test_error_handling', arguments: {} })).isError, true);
    } finally {
      await client.close();
    }
  });
}

for (const page of ['/mcp', '/sse']) {
  test(`mcporter 0.12.3 ${page}`, { timeout: 120_000 }, async () => {
    const run = async (command, ...args) =>
      (await promisify(execFile)(process.execPath, [path.join(modules, 'mcporter/dist/cli.js'), command, '--http-url', `${base}${page}`, '--allow-http', '--name', 'gannet', ...args], { env, cwd: home, timeout: 50_000 })).stdout;
    const listed = await run('list', '--schema');
    for (const tool of ['test_simple_text', 'test_sampling', 'json_schema_2020_12_tool']) assert.match(listed, new RegExp(`\\b${tool}\\b`));
    assert.match(await run('call', 'test_simple_text'), /This is a simple text response for testing\./);
    assert.match(await run('call', 'test_multiple_content_types', '--output', 'json'), /"value": 123/); // what is JSON in it
    await assert.rejects(run('call', 'no_such_tool'));
  });
}
