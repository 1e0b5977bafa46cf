package mcp

import (
	"bytes"
	"encoding/json"
	"fmt"
	"runtime/debug"
	"sync"

	"github.com/gannetmcp/gannet/codec"
)

// noteQueue is the notifications that wait for ClientOptions.OnNotification.
type noteQueue struct {
	mu      sync.Mutex
	waiting []note
	bytes   int
	running bool // a goroutine is at it
}

type note struct {
	method string
	params json.RawMessage
}

// note keeps a notification for the embedder. Called on the loop.
func (s *ClientSession) note(m *codec.Message) {
	o := &s.client.opts
	if o.OnNotification == nil {
		return
	}
	q := &s.notes
	size := len(m.Raw())
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.waiting) >= o.NotificationQueue || q.bytes+size > o.NotificationBytes {
		s.stats.notificationsDropped.Add(1)
		return
	}
	n := note{method: string(m.Method())}
	if m.HasParams() {
		n.params = bytes.Clone(m.Params().Raw())
	}
	q.waiting = append(q.waiting, n)
	q.bytes += len(n.method) + len(n.params)
	if !q.running {
		// A goroutine for as long as something waits: an idle session has none.
		q.running = true
		go s.tellNotes()
	}
}

// tellNotes tells the embedder of notifications until none waits.
func (s *ClientSession) tellNotes() {
	q := &s.notes
	for {
		q.mu.Lock()
		if len(q.waiting) == 0 {
			q.waiting, q.running = nil, false
			q.mu.Unlock()
			return
		}
		n := q.waiting[0]
		q.waiting = q.waiting[1:]
		q.bytes -= len(n.method) + len(n.params)
		q.mu.Unlock()
		s.tell(n)
	}
}

// tell calls the embedder; a panic ends the call, not the process.
func (s *ClientSession) tell(n note) {
	defer func() {
		if r := recover(); r != nil {
			s.client.opts.Logger.Error("panic contained", "in", "OnNotification", "method", n.method, "panic", fmt.Sprint(r), "stack", string(debug.Stack()))
		}
	}()
	s.client.opts.OnNotification(s, n.method, n.params)
}
