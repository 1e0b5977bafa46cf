// Package webclient is the client's half of MCP over HTTP: Streamable HTTP of
// 2025-03-26 to 2026-07-28 and HTTP+SSE of 2024-11-05, for mcp.Client.
//
//	mcp.ClientSession ─ lines ─► link.Write ─► POST, one a message ─┐
//	                  ◄─ lines ─ link.Read  ◄─ JSON, event streams ◄┘
//
// It is a transports.Carrier: to the session HTTP is two streams of lines. What
// HTTP needs beside them is read from the messages on their way: the revision,
// the session's id, the header fields that repeat what is in a message, the
// tools whose arguments these mirror.
//
// The server's half is written for speed and has its own parser; a client waits
// for servers, so this one stands on net/http, which brings TLS, proxies,
// HTTP/2 and years of care. It is a package of its own so that programs which
// only serve do without that.
//
// # Goroutines
//
// Each message that is on its way has one, each open event stream too; beside
// them the one that reads, and those of net/http. All end with
// ClientSession.Close.
//
// # Sources
//
// MCP, "Streamable HTTP" of 2025-03-26, 2025-06-18, 2025-11-25 and 2026-07-28;
// "HTTP with SSE" of 2024-11-05; "Backwards compatibility" of each. Event
// streams: WHATWG HTML, 9.2, by package sse.
package webclient
