package mcp_test

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/gannetmcp/gannet/engine/mcp"
)

// Whatever a server sends, nothing panics, every caller gets an answer or an
// error, and the session still works afterwards.
func TestClientSurvivesMutations(t *testing.T) {
	seeds := []string{
		`{"jsonrpc":"2.0","id":%d,"result":{"resultType":"complete","content":[{"type":"text","text":"a"},{"type":"resource","resource":{"uri":"a:b","text":"t"}}],"structuredContent":{"a":[1,2]},"isError":false}}`,
		`{"jsonrpc":"2.0","id":%d,"result":{"resultType":"input_required","requestState":"s","inputRequests":{"a":{"method":"elicitation/create","params":{"mode":"form","message":"m","requestedSchema":{"type":"object","properties":{"x":{"type":"string","default":"d"}}}}},"b":{"method":"sampling/createMessage","params":{"messages":[{"role":"user","content":{"type":"text","text":"x"}}],"maxTokens":1}}}}}`,
		`{"jsonrpc":"2.0","id":%d,"result":{"resultType":"task","taskId":"t","status":"working","pollIntervalMs":1,"ttlMs":null}}`,
		`{"jsonrpc":"2.0","id":%d,"error":{"code":-32602,"message":"no","data":{"a":1}}}`,
		`{"jsonrpc":"2.0","id":%d,"method":"sampling/createMessage","params":{"messages":[],"maxTokens":1}}`,
		`{"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":%d,"progress":1,"total":2,"message":"m"}}`,
		`{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":%d,"reason":"r"}}`,
		`{"jsonrpc":"2.0","method":"notifications/subscriptions/acknowledged","params":{"notifications":{"toolsListChanged":true},"_meta":{"io.modelcontextprotocol/subscriptionId":%d}}}`,
	}
	pieces := []string{`null`, `{}`, `[]`, `""`, `1e400`, `-1`, `18446744073709551616`, `"\ud800"`, `true`, `{"a":{"a":{}}}`}
	rng := rand.New(rand.NewPCG(1, 2))
	mutate := func(b []byte) []byte {
		for range 1 + rng.IntN(2) {
			i, j := rng.IntN(len(b)), rng.IntN(len(b))
			switch rng.IntN(8) {
			case 0:
				b[i] = byte(rng.IntN(256))
			case 1:
				b = append(append(append([]byte(nil), b[:min(i, j)]...), pieces[rng.IntN(len(pieces))]...), b[max(i, j):]...)
			case 2, 3, 4, 5, 6: // a value becomes another
				for k := i; k < len(b); k++ {
					if b[k] == ':' {
						end := k + 1
						for end < len(b) && b[end] != ',' && b[end] != '}' {
							end++
						}
						b = append(append(append([]byte(nil), b[:k+1]...), pieces[rng.IntN(len(pieces))]...), b[end:]...)
						break
					}
				}
			case 7:
				b[i], b[j] = b[j], b[i]
			}
		}
		return b
	}
	for _, rev := range []string{mcp.Revision20251125, mcp.Revision20260728} {
		m, s := negotiated(t, rev, mcp.ClientOptions{
			Tasks: true, MaxRounds: 2, RequestTimeout: 30 * time.Millisecond, RequestTimeoutMax: 60 * time.Millisecond,
			Sampling: func(context.Context, *mcp.SamplingRequest) (*mcp.SamplingResult, error) {
				return &mcp.SamplingResult{Content: []mcp.Content{mcp.TextContent("x")}}, nil
			},
			Elicitation: func(context.Context, *mcp.ElicitRequest) (*mcp.ElicitResult, error) {
				return &mcp.ElicitResult{Action: "accept"}, nil
			},
			OnNotification: func(*mcp.ClientSession, string, json.RawMessage) {},
		})
		stop, stopped := make(chan struct{}), make(chan struct{})
		go func() { // the server: an answer to each line, and some more
			defer close(stopped)
			for {
				select {
				case <-stop:
					return
				case line := <-m.out:
					var got sentMessage
					_ = json.Unmarshal([]byte(line), &got)
					id := 0
					_ = json.Unmarshal(got.ID, &id)
					for range 1 + rng.IntN(3) {
						text := fmt.Sprintf(seeds[rng.IntN(len(seeds))], id)
						m.feed(string(mutate([]byte(text))))
					}
				}
			}
		}()
		ctx := context.Background()
		for range 40 {
			c := doErr(t, func() error {
				_, err := s.CallTool(ctx, "x", nil, mcp.WithProgress(func(mcp.ProgressReport) {}), mcp.WithTask(0))
				return err
			})
			d := doErr(t, func() error { _, err := s.ListTools(ctx); return err })
			_, _ = c.get()
			_, _ = d.get()
		}
		close(stop)
		<-stopped
		if n := m.engine.Snapshot().Panics; n != 0 {
			t.Errorf("%s: %d panics", rev, n)
		}
		for len(m.out) > 0 {
			<-m.out
		}
		c := do(t, func() (json.RawMessage, error) { return s.Request(ctx, "x/y", nil, mcp.WithTimeout(10*time.Second)) })
		for {
			if line := parseSent(t, m.next()); line.Method == "x/y" {
				m.reply(line, `{"resultType":"complete"}`)
				break
			}
		}
		if _, err := c.get(); err != nil {
			t.Errorf("%s: afterwards: %v", rev, err)
		}
		t.Logf("%s: %+v", rev, s.Stats())
	}
}
