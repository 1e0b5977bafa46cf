package transports

import (
	"strings"
	"testing"

	"github.com/gannetmcp/gannet/engine"
	"github.com/gannetmcp/gannet/engine/mcp"
)

// Who has no token is told where to get one; what belongs to one principal is
// not another's: sessions, and the tasks of 2026-07-28.
func TestWebAuth(t *testing.T) { onEachWebHost(t, testWebAuth) }

func testWebAuth(t *testing.T, serve webHostFunc) {
	s, svc := serve(t, mcp.Options{HTTP: mcp.HTTPOptions{
		Authenticate:     mcp.BearerTokens(map[string]string{"secret-a": "ann", "secret-b": "bob"}),
		ResourceMetadata: []byte(`{"resource":"http://localhost/mcp","authorization_servers":["http://localhost/as"]}`),
	}}, engine.Options{})
	svc.HandleTool(mcp.Tool{Name: "who"}, mcp.Pooled, func(c *mcp.Call) error { return c.Reply().TextString("you are " + c.Principal()) })
	base := s.Addrs()[0]
	url := base + "/mcp"
	const list = `{"jsonrpc":"2.0","id":1,"method":"tools/list","params":{` + webMeta + `}}`
	modern := []string{"MCP-Protocol-Version", "2026-07-28", "Mcp-Method", "tools/list"}
	for _, token := range []string{"", "Bearer", "Bearer ", "Bearer secret", "Bearer secret-aa", "Basic secret-a", "secret-a"} {
		r := post(t, url, list, append([]string{"Authorization", token}, modern...)...)
		if r.status == 400 && strings.HasSuffix(token, " ") {
			continue // a value of HTTP/2 has no white space around it
		}
		if r.status != 401 || !strings.Contains(r.header.Get("WWW-Authenticate"), `resource_metadata="/.well-known/oauth-protected-resource"`) {
			t.Errorf("token %q: %+v", token, r)
		}
	}
	// Nothing is unpacked for who may not come: that it is no gzip, nobody finds out.
	if r := post(t, url, list, append([]string{"Content-Encoding", "gzip"}, modern...)...); r.status != 401 {
		t.Errorf("packed, without a token: %+v", r)
	}
	if r := post(t, url, list, append([]string{"Authorization", "bearer secret-a"}, modern...)...); r.status != 200 || !strings.Contains(r.body, `"cacheScope":"private"`) {
		t.Errorf("got %+v", r)
	}
	for _, path := range []string{"/.well-known/oauth-protected-resource", "/.well-known/oauth-protected-resource/mcp"} {
		if r := do(t, "GET", base+path, ""); r.status != 200 || !strings.Contains(r.body, "authorization_servers") {
			t.Errorf("%s: %+v", path, r)
		}
	}
	if r := do(t, "OPTIONS", url, "", "Origin", "http://localhost:1"); r.status != 204 {
		t.Errorf("preflight: %+v", r)
	}
	r := post(t, url, `{"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{}}}`, "Authorization", "Bearer secret-a")
	id := r.header.Get("Mcp-Session-Id")
	const who = `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"who"}}`
	if r := post(t, url, who, "Authorization", "Bearer secret-a", "Mcp-Session-Id", id); !strings.Contains(r.body, "you are ann") {
		t.Errorf("got %+v", r)
	}
	for _, r := range []webReply{
		post(t, url, who, "Authorization", "Bearer secret-b", "Mcp-Session-Id", id),
		do(t, "GET", url, "", "Accept", "text/event-stream", "Authorization", "Bearer secret-b", "Mcp-Session-Id", id),
		do(t, "DELETE", url, "", "Authorization", "Bearer secret-b", "Mcp-Session-Id", id),
	} {
		if r.status != 403 {
			t.Errorf("another's session: %+v", r)
		}
	}
	// A task of Ann's.
	const can = `"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{"extensions":{"io.modelcontextprotocol/tasks":{}}}}`
	r = post(t, url, `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"slow_compute","arguments":{"seconds":0},`+can+`}}`,
		"Authorization", "Bearer secret-a", "MCP-Protocol-Version", "2026-07-28", "Mcp-Method", "tools/call", "Mcp-Name", "slow_compute")
	_, task, _ := strings.Cut(r.body, `"taskId":"`)
	task, _, _ = strings.Cut(task, `"`)
	for token, status := range map[string]int{"secret-a": 200, "secret-b": 400} {
		r := post(t, url, `{"jsonrpc":"2.0","id":1,"method":"tasks/get","params":{"taskId":"`+task+`",`+can+`}}`,
			"Authorization", "Bearer "+token, "MCP-Protocol-Version", "2026-07-28", "Mcp-Method", "tasks/get", "Mcp-Name", task)
		if r.status != status {
			t.Errorf("the task, by %s: %+v", token, r)
		}
	}
}
