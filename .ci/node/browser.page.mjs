// What browser.test.mjs has a page do: the official clients, in a browser,
// against the server that the page's address names. It posts what came of it to
// /done of where it came from.
import { Client } from '@modelcontextprotocol/client';
import { StreamableHTTPClientTransport as ModernHTTP } from '@modelcontextprotocol/client';
import { Client as ClientV1 } from '@modelcontextprotocol/sdk/client/index.js';
import { SSEClientTransport } from '@modelcontextprotocol/sdk/client/sse.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { WebSocketClientTransport } from '@modelcontextprotocol/sdk/client/websocket.js';
import * as types from '@modelcontextprotocol/sdk/types.js';

const asked = new URL(location).searchParams;
const base = asked.get('server');
const info = { name: 'page', version: '1' };

async function legacy(transport) {
  const client = new ClientV1(info, { capabilities: { elicitation: { form: {} } } });
  client.setRequestHandler(types.ElicitRequestSchema, () => ({ action: 'accept', content: { username: 'ann', email: 'ann@example.org' } }));
  const logged = new Promise((resolve) => client.setNotificationHandler(types.LoggingMessageNotificationSchema, (n) => resolve(n.params.level)));
  await client.connect(transport);
  const text = async (name, args = {}, options) => (await client.callTool({ name, arguments: args }, undefined, options)).content.map((c) => c.text ?? '').join('');
  const told = [];
  const said = {
    tools: (await client.listTools()).tools.length,
    call: await text('test_simple_text'),
    asked: await text('test_elicitation', { message: 'Who?' }),
    progress: (await text('test_tool_with_progress', {}, { onprogress: (p) => told.push(p.progress) }), told.at(-1)),
  };
  await client.setLoggingLevel('debug');
  await text('test_tool_with_logging');
  said.logged = await logged;
  await transport.terminateSession?.();
  await client.close();
  return said;
}

async function modern(pin) {
  const client = new Client(info, { versionNegotiation: { mode: { pin } } });
  await client.connect(new ModernHTTP(new URL(`${base}/mcp`)));
  const said = {
    tools: (await client.listTools()).tools.length,
    call: (await client.callTool({ name: 'test_simple_text', arguments: {} })).content[0].text,
  };
  await client.close();
  return said;
}

const works = {
  http: () => legacy(new StreamableHTTPClientTransport(new URL(`${base}/mcp`))),
  sse: () => legacy(new SSEClientTransport(new URL(`${base}/sse`))),
  ws: () => legacy(new WebSocketClientTransport(new URL(`${base.replace('http', 'ws')}/ws`))),
  modern: () => modern('2026-07-28'),
  // Without a client: what a page that means no good would try.
  post: async () => (await fetch(`${base}/mcp`, { method: 'POST', body: '{"jsonrpc":"2.0","id":1,"method":"ping"}' })).status,
};

const done = {};
for (const name of asked.get('work').split(',')) {
  let timer;
  try {
    done[name] = await Promise.race([works[name](), new Promise((_, reject) => (timer = setTimeout(() => reject(new Error('hangs')), 10_000)))]);
  } catch (e) {
    done[name] = { failed: String(e) };
  } finally {
    clearTimeout(timer);
  }
}
await fetch('/done', { method: 'POST', body: JSON.stringify(done) });
