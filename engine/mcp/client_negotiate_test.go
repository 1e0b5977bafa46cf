package mcp_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/gannetmcp/gannet/engine"
	"github.com/gannetmcp/gannet/engine/mcp"
	"github.com/gannetmcp/gannet/engine/mcp/fixture"
)

// A client agrees with the real server on each revision that it is pinned to,
// on the newest when it is not, and can use it.
func TestClientNegotiatesWithServer(t *testing.T) {
	for _, rev := range append(mcp.Revisions(), "") {
		t.Run("revision "+rev, func(t *testing.T) {
			srv := mcp.NewServer(mcp.Options{Name: "real", Version: "2", Instructions: "go on"})
			fixture.AddDemo(srv)
			s := connected(t, mcp.ClientOptions{Revision: rev}, srv)
			want := rev
			if want == "" {
				want = mcp.LatestRevision
			}
			info := s.Info()
			if info.Revision != want || info.Name != "real" || info.Version != "2" || info.Instructions != "go on" || !info.Has("tools") || !info.Has("prompts") || info.Has("experimental") {
				t.Errorf("info %+v", info)
			}
			ctx := context.Background()
			if err := s.Ping(ctx); err != nil {
				t.Error(err)
			}
			tools, err := s.ListTools(ctx)
			if err != nil || len(tools) != 6 || tools[0].Name != "add" && tools[0].Name != "echo" || !json.Valid(tools[0].InputSchema) {
				t.Errorf("tools %+v, %v", tools, err)
			}
			r, err := s.CallTool(ctx, "echo", map[string]string{"text": "hé\n<x>"})
			if err != nil || r.Text() != "hé\n<x>" || r.IsError {
				t.Errorf("echo: %+v, %v", r, err)
			}
			r, err = s.CallTool(ctx, "add", map[string]float64{"a": 2, "b": 3})
			if err != nil || !strings.Contains(r.Text(), "5") {
				t.Errorf("add: %+v, %v", r, err)
			}
			var rpc *mcp.Error
			if _, err := s.CallTool(ctx, "nosuch", nil); !errors.As(err, &rpc) || rpc.Code != -32602 {
				t.Errorf("unknown tool: %v", err)
			}
			if _, err := s.Request(ctx, "no/such", nil); !errors.As(err, &rpc) || rpc.Code != -32601 {
				t.Errorf("unknown method: %v", err)
			}
			var reports []mcp.ProgressReport
			r, err = s.CallTool(ctx, "delay", map[string]any{"ms": 40, "text": "late"}, mcp.WithProgress(func(p mcp.ProgressReport) { reports = append(reports, p) }))
			if err != nil || r.Text() != "late" || len(reports) < 3 {
				t.Errorf("delay: %+v, %v, %d reports", r, err, len(reports))
			}
			for i := range reports {
				if reports[i].Total == 0 || i > 0 && reports[i].Progress <= reports[i-1].Progress {
					t.Errorf("reports %v", reports)
				}
			}
		})
	}
}

// What a legacy server makes of server/discover decides nothing but the era.
func TestClientFallsBack(t *testing.T) {
	for name, answer := range map[string]func(m *memory, probe sentMessage){
		"method not found":     func(m *memory, p sentMessage) { m.replyError(p, -32601, "") },
		"not initialized":      func(m *memory, p sentMessage) { m.replyError(p, 0, "") },
		"a result of no sense": func(m *memory, p sentMessage) { m.reply(p, `{}`) },
		"ill-typed":            func(m *memory, p sentMessage) { m.reply(p, `{"supportedVersions":7}`) },
		"no object":            func(m *memory, p sentMessage) { m.reply(p, `[]`) },
		"silence":              func(*memory, sentMessage) {},
		"error without id": func(m *memory, _ sentMessage) {
			m.feed(`{"jsonrpc":"2.0","id":null,"error":{"code":-32600,"message":"what?"}}`)
		},
		"legacy only": func(m *memory, p sentMessage) {
			m.reply(p, `{"supportedVersions":["2024-11-05","2025-11-25","2031-01-01"]}`)
		},
		"unsupported version": func(m *memory, p sentMessage) {
			m.replyError(p, -32022, `,"data":{"supported":["2026-07-28","2025-11-25","2024-11-05"],"requested":"2026-07-28"}`)
			m.replyError(m.expect("server/discover"), -32022, `,"data":{"supported":["2026-07-28","2025-11-25","2024-11-05"],"requested":"2026-07-28"}`)
		},
	} {
		t.Run(name, func(t *testing.T) {
			m, s := scripted(t, mcp.ClientOptions{ProbeTimeout: 50 * time.Millisecond})
			n := doErr(t, func() error { return s.Negotiate(context.Background()) })
			probe := m.expect("server/discover")
			meta := struct {
				Version string                     `json:"io.modelcontextprotocol/protocolVersion"`
				Caps    map[string]json.RawMessage `json:"io.modelcontextprotocol/clientCapabilities"`
				Info    struct{ Name string }      `json:"io.modelcontextprotocol/clientInfo"`
			}{}
			if err := json.Unmarshal(probe.Params["_meta"], &meta); err != nil || meta.Version != mcp.Revision20260728 || meta.Caps == nil || meta.Info.Name != "test" {
				t.Errorf("_meta %s, %v", probe.Params["_meta"], err)
			}
			answer(m, probe)
			init := m.expect("initialize")
			if string(init.Params["protocolVersion"]) != `"2025-11-25"` {
				t.Errorf("asked for %s", init.Params["protocolVersion"])
			}
			m.reply(init, fmt.Sprintf(initialized, "2025-06-18"))
			m.expect("notifications/initialized")
			if _, err := n.get(); err != nil {
				t.Fatal(err)
			}
			i := s.Info()
			if i.Revision != "2025-06-18" || i.Title != "T" || !i.Has("tools", "listChanged") || i.Has("resources", "subscribe") || !i.Has("logging") {
				t.Errorf("info %+v", i)
			}
			ping := doErr(t, func() error { return s.Ping(context.Background()) })
			p := m.expect("ping")
			if p.Params["_meta"] != nil {
				t.Errorf("a legacy ping with _meta: %s", p.Params["_meta"])
			}
			m.reply(p, "{}")
			if _, err := ping.get(); err != nil {
				t.Error(err)
			}
		})
	}
}

// A negotiation that cannot succeed says why, and what to do.
func TestClientNegotiationFails(t *testing.T) {
	for _, tc := range []struct {
		name, revision string
		play           func(m *memory)
		text           string
		is             error
	}{
		{"unknown revision", "", func(m *memory) {
			m.replyError(m.expect("server/discover"), -32601, "")
			m.reply(m.expect("initialize"), fmt.Sprintf(initialized, "1999-01-01"))
		}, "1999-01-01", mcp.ErrNegotiation},
		{"modern from initialize", "", func(m *memory) {
			m.replyError(m.expect("server/discover"), -32601, "")
			m.reply(m.expect("initialize"), fmt.Sprintf(initialized, "2026-07-28"))
		}, "2026-07-28", mcp.ErrNegotiation},
		{"nothing in common", "", func(m *memory) {
			m.replyError(m.expect("server/discover"), -32022, `,"data":{"supported":["2031-01-01"]}`)
		}, "2031-01-01", mcp.ErrNegotiation},
		{"unsupported without data", "", func(m *memory) {
			m.replyError(m.expect("server/discover"), -32022, ``)
		}, "does not say", mcp.ErrNegotiation},
		{"missing capability", "", func(m *memory) {
			m.replyError(m.expect("server/discover"), -32021, ``)
		}, "no", nil},
		{"pinned legacy", "2025-03-26", func(m *memory) {
			m.reply(m.expect("initialize"), fmt.Sprintf(initialized, "2024-11-05"))
		}, "leave it empty", mcp.ErrNegotiation},
		{"pinned modern, legacy server", "2026-07-28", func(m *memory) {
			m.replyError(m.expect("server/discover"), -32601, "")
		}, "server/discover", mcp.ErrNegotiation},
		{"pinned modern, other versions", "2026-07-28", func(m *memory) {
			m.reply(m.expect("server/discover"), `{"supportedVersions":["2025-11-25"]}`)
		}, "leave it empty", mcp.ErrNegotiation},
		{"initialize refused", "2025-11-25", func(m *memory) {
			m.replyError(m.expect("initialize"), -32602, "")
		}, "initialize", nil},
		{"initialize ill-typed", "2025-11-25", func(m *memory) {
			m.reply(m.expect("initialize"), `{"protocolVersion":3}`)
		}, "initialize", mcp.ErrBadAnswer},
		{"connection ends in the probe", "", func(m *memory) {
			m.expect("server/discover")
			m.hangUp()
		}, "closed", engine.ErrConnClosed},
	} {
		t.Run(tc.name, func(t *testing.T) {
			m, s := scripted(t, mcp.ClientOptions{Revision: tc.revision})
			n := doErr(t, func() error { return s.Negotiate(context.Background()) })
			tc.play(m)
			_, err := n.get()
			if err == nil || !strings.Contains(err.Error(), tc.text) || tc.is != nil && !errors.Is(err, tc.is) {
				t.Errorf("got %v", err)
			}
			if s.Info() != nil {
				t.Error("a session that was not negotiated has Info")
			}
		})
	}
}

// An initialize that is given up is not cancelled: the protocol forbids it.
func TestClientInitializeIsNotCancelled(t *testing.T) {
	m, s := scripted(t, mcp.ClientOptions{Revision: mcp.Revision20250618})
	ctx, cancel := context.WithCancel(context.Background())
	n := doErr(t, func() error { return s.Negotiate(ctx) })
	m.expect("initialize")
	cancel()
	if _, err := n.get(); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	if len(m.out) != 0 {
		t.Errorf("sent %s", m.next())
	}
}

// The client declares what it has handlers for, in the words of each revision.
func TestClientCapabilities(t *testing.T) {
	o := mcp.ClientOptions{
		Sampling:      func(context.Context, *mcp.SamplingRequest) (*mcp.SamplingResult, error) { return nil, nil },
		SamplingTools: true,
		Elicitation:   func(context.Context, *mcp.ElicitRequest) (*mcp.ElicitResult, error) { return nil, nil },
		ElicitURL:     true,
		Roots:         func(context.Context) ([]mcp.Root, error) { return nil, nil },
		Tasks:         true,
	}
	for rev, want := range map[string]string{
		"2024-11-05": `{"roots":{"listChanged":true},"sampling":{}}`,
		"2025-03-26": `{"roots":{"listChanged":true},"sampling":{}}`,
		"2025-06-18": `{"elicitation":{},"roots":{"listChanged":true},"sampling":{}}`,
		"2025-11-25": `{"elicitation":{"form":{},"url":{}},"roots":{"listChanged":true},"sampling":{"tools":{}}}`,
		"2026-07-28": `{"elicitation":{"form":{},"url":{}},"extensions":{"io.modelcontextprotocol/tasks":{}},"roots":{},"sampling":{"tools":{}}}`,
	} {
		o.Revision = rev
		m, s := scripted(t, o)
		n := doErr(t, func() error { return s.Negotiate(context.Background()) })
		msg := parseSent(t, m.next())
		got := string(msg.Params["capabilities"])
		if rev == mcp.Revision20260728 {
			var meta map[string]json.RawMessage
			_ = json.Unmarshal(msg.Params["_meta"], &meta)
			got = string(meta["io.modelcontextprotocol/clientCapabilities"])
		}
		if got != want {
			t.Errorf("%s: %s, want %s", rev, got, want)
		}
		m.hangUp()
		_, _ = n.get()
	}
	o = mcp.ClientOptions{Revision: "2025-11-25"}
	m, s := scripted(t, o)
	n := doErr(t, func() error { return s.Negotiate(context.Background()) })
	if got := string(m.expect("initialize").Params["capabilities"]); got != "{}" {
		t.Errorf("without handlers: %s", got)
	}
	m.hangUp()
	_, _ = n.get()
}

func TestNewClientPanics(t *testing.T) {
	for name, o := range map[string]mcp.ClientOptions{
		"no name":  {},
		"revision": {Name: "x", Revision: "2025-01-01"},
		"negative": {Name: "x", MaxPages: -1},
		"probe":    {Name: "x", ProbeTimeout: -1},
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s: no panic", name)
				}
			}()
			mcp.NewClient(o)
		}()
	}
}
