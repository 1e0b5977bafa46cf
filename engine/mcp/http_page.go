package mcp

import (
	"html"
	"strings"
)

// base is the URL that the paths of the server are put behind, as the client of
// the exchange has called it.
func (h *httpConn) base() string {
	host := string(h.x.Request.Host())
	if host == "" {
		host = "HOST:PORT"
	}
	if h.conn.TLS() != nil {
		return "https://" + host + h.x.Prefix
	}
	return "http://" + host + h.x.Prefix
}

// page says what the server is and how to connect to it.
func (s *Server) page(base string) []byte {
	url := base + s.opts.HTTP.Path
	name := s.opts.Name
	e := html.EscapeString
	var b strings.Builder
	b.WriteString("<!doctype html>\n<html lang=\"en\"><meta charset=\"utf-8\"><title>" + e(name) + "</title>\n" +
		"<style>body{font:16px/1.5 system-ui;max-width:44em;margin:2em auto;padding:0 1em}pre{background:#f4f4f4;padding:1em;overflow:auto}</style>\n" +
		"<h1>" + e(name) + "</h1>\n<p>An MCP server, version " + e(s.opts.Version) + ". Programs speak to it by POST to <code>" + e(url) +
		"</code> (Streamable HTTP, revisions 2025-03-26 to 2026-07-28), or begin at <code>" + e(base+s.opts.HTTP.SSEPath) + "</code> (HTTP with SSE, 2024-11-05).</p>\n")
	for _, c := range []struct{ what, text string }{
		{"Claude Code", "claude mcp add --transport http " + name + " " + url},
		{"VS Code, .vscode/mcp.json", "{\"servers\": {\"" + name + "\": {\"type\": \"http\", \"url\": \"" + url + "\"}}}"},
		{"Cursor, ~/.cursor/mcp.json", "{\"mcpServers\": {\"" + name + "\": {\"url\": \"" + url + "\"}}}"},
	} {
		b.WriteString("<h2>" + e(c.what) + "</h2>\n<pre>" + e(c.text) + "</pre>\n")
	}
	b.WriteString("</html>\n")
	return []byte(b.String())
}
