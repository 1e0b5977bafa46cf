package transports

import (
	"strings"
	"testing"
)

func TestTCP(t *testing.T) {
	s := start(t, Options{}, "tcp://127.0.0.1:0")
	p := dial(t, s)
	p.send(req(1, "echo", `{"a":1}`) + req(2, "pool", `{"b":2}`) + "\r\n\n" + strings.TrimSpace(req(3, "ping", "")) + "\r\n")
	got := map[string]bool{p.line(): true, p.line(): true, p.line(): true}
	for _, w := range []string{res(1, `{"a":1}`), res(2, `{"b":2}`), res(3, "{}")} {
		if !got[w] {
			t.Errorf("no %s in %v", w, got)
		}
	}
	othersServed(t, s)
}

func TestAddrs(t *testing.T) {
	sock := socketPath(t)
	s := start(t, Options{}, "tcp://127.0.0.1:0", "unix://"+sock, "tcp://[::1]:0")
	addrs := s.Addrs()
	if len(addrs) != 3 || addrs[1] != "unix://"+sock || strings.HasSuffix(addrs[0], ":0") || !strings.HasPrefix(addrs[2], "tcp://[::1]:") {
		t.Fatalf("addresses %v", addrs)
	}
	for _, a := range addrs {
		p := dialURL(t, a)
		p.send(req(`"x"`, "echo", ""))
		p.want(res(`"x"`, "{}"))
	}
}

// At depth 16, replies leave at least 12 to a write.
func TestMessagesPerWrite(t *testing.T) {
	s := start(t, Options{Loops: 1}, "tcp://127.0.0.1:0")
	p := dial(t, s)
	var batch strings.Builder
	for i := range 16 {
		batch.WriteString(req(i, "echo", `{"text":"`+strings.Repeat("x", 1000)+`"}`))
	}
	const rounds = 50
	for range rounds {
		p.send(batch.String())
		for range 16 {
			p.line()
		}
	}
	n := s.Snapshot().Engine
	if per := float64(n.MessagesOut) / float64(n.Writes); per < 12 {
		t.Errorf("%d messages in %d writes, %.1f a write; want 12", n.MessagesOut, n.Writes, per)
	}
}
