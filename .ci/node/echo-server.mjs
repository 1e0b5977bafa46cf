// An MCP server by the TypeScript SDK on standard input and output, with the
// tool echo {text} of gannet serve --demo: something to compare with.
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import { StdioServerTransport } from '@modelcontextprotocol/sdk/server/stdio.js';
import { z } from 'zod';

const server = new McpServer({ name: 'peer', version: '1' });
server.registerTool('echo', { description: 'Returns text unchanged.', inputSchema: { text: z.string() } }, ({ text }) => ({
  content: [{ type: 'text', text }],
}));
await server.connect(new StdioServerTransport());
