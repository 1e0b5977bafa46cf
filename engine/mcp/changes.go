package mcp

import (
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gannetmcp/gannet/codec"
	"github.com/gannetmcp/gannet/engine"
)

// changeDelay is how long changes of a list are gathered before clients are
// told, so that a burst of them is one message.
const changeDelay = 10 * time.Millisecond

// lists is a set of lists that can change.
type lists uint32

const (
	listTools lists = 1 << iota
	listPrompts
	listResources // and templates
)

// kindsOfLists says how clients are told that a list has changed.
var kindsOfLists = [...]struct {
	list    lists
	message []byte
	method  string
	filter  string // of subscriptions/listen
}{
	{listTools, []byte(`{"jsonrpc":"2.0","method":"notifications/tools/list_changed"}`), "notifications/tools/list_changed", "toolsListChanged"},
	{listPrompts, []byte(`{"jsonrpc":"2.0","method":"notifications/prompts/list_changed"}`), "notifications/prompts/list_changed", "promptsListChanged"},
	{listResources, []byte(`{"jsonrpc":"2.0","method":"notifications/resources/list_changed"}`), "notifications/resources/list_changed", "resourcesListChanged"},
}

// announcer tells clients of changes of lists. An idle connection holds nothing
// for it: each loop goes through its connections.
type announcer struct {
	server  *Server
	last    atomic.Pointer[engine.Engine] // seen last: the answer to nearly all calls of saw
	mu      sync.Mutex                    // protects what follows
	engines []*engine.Engine
	pending *change // announced, and not yet begun on any loop
}

// change is what one announcement is about. It gathers lists until the first
// loop begins with it.
type change struct {
	lists lists
	begun bool
}

// saw notes the engine of a connection.
func (a *announcer) saw(e *engine.Engine) {
	if a.last.Load() == e {
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.last.Store(e)
	if slices.Contains(a.engines, e) {
		return
	}
	a.engines = slices.DeleteFunc(a.engines, (*engine.Engine).Ended)
	a.engines = append(a.engines, e)
	a.pending = nil // those that should have begun with it may have ended
}

// each calls f with each engine that was seen and has not ended.
func (a *announcer) each(f func(*engine.Engine)) {
	a.mu.Lock()
	engines := slices.Clone(a.engines)
	a.mu.Unlock()
	for _, e := range engines {
		if !e.Ended() {
			f(e)
		}
	}
}

// changed has clients told that lists have changed.
func (a *announcer) changed(l lists) {
	a.mu.Lock()
	if a.pending != nil {
		a.pending.lists |= l
		a.mu.Unlock()
		return
	}
	ch := &change{lists: l}
	engines := slices.Clone(a.engines)
	if len(engines) > 0 {
		a.pending = ch
	}
	a.mu.Unlock()
	for _, e := range engines {
		e.EachLoop(changeDelay, func(loop *engine.Loop) {
			a.mu.Lock()
			first := !ch.begun
			ch.begun = true
			if a.pending == ch {
				a.pending = nil
			}
			l := ch.lists
			a.mu.Unlock()
			announce(loop, l)
			if first {
				a.server.announceHTTP(l)
			}
		})
	}
}

// announce tells the clients of a loop.
func announce(loop *engine.Loop, changed lists) {
	for conn := range loop.Conns() {
		ss, ok := conn.State().(*session)
		if !ok {
			continue
		}
		for i := range kindsOfLists {
			k := &kindsOfLists[i]
			if changed&k.list == 0 {
				continue
			}
			if ss.record.Load() != nil {
				conn.Send(k.message)
			}
			for r := ss.requests; r != nil; r = r.next {
				if l := r.listener; l != nil && l.lists&k.list != 0 {
					conn.Send(l.appendHead(nil, k.method))
				}
			}
		}
	}
}

// announceHTTP tells the clients whose sessions are on HTTP.
func (s *Server) announceHTTP(changed lists) {
	s.sessions.each(func(hs *httpSession) {
		for i := range kindsOfLists {
			if k := &kindsOfLists[i]; changed&k.list != 0 {
				_ = hs.Deliver(k.message) // a client that takes no more can list
			}
		}
	})
}

// ResourceUpdated tells the clients that have subscribed to a resource that it
// has changed, and returns how many were told, and how many were not because
// their connection takes no more now. Safe from any goroutine.
//
// Hot path: no allocation unless the subscribers have changed since the last
// time.
func (s *Server) ResourceUpdated(uri string) (told, refused int) {
	u := updates.Get().(*update)
	u.b = append(u.b[:0], `{"jsonrpc":"2.0","method":"notifications/resources/updated","params":{"uri":`...)
	u.b = append(codec.AppendString(u.b, uri), "}}"...)
	told, refused = s.updates.Publish(viewBytes(uri), u.b)
	updates.Put(u)
	return told, refused
}

// update is a notification that is being published.
type update struct{ b []byte }

var updates = sync.Pool{New: func() any { return &update{} }}
