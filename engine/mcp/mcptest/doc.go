// Package mcptest connects a test to a server in memory: no socket, no
// process, the whole engine in between.
//
//	c := mcptest.New(t, srv)
//	c.Initialize(ctx, mcp.LatestLegacyRevision)
//	res, err := c.CallTool(ctx, "echo", map[string]any{"text": "hi"})
//
// The end of the test checks that the server has given everything back: calls,
// goroutines, buffers, the byte budget. Time is the time package's, so that a
// test inside a testing/synctest bubble need not wait.
package mcptest
