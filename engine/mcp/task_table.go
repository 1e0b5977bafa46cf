package mcp

import (
	"bytes"
	"slices"
	"sync"
	"time"

	"github.com/gannetmcp/gannet/codec"
)

// taskTable holds the tasks of a server until they expire. One timer serves
// for the next of them. A task's lock may be held when tt.mu is taken, not the
// other way round.
type taskTable struct {
	mu    sync.Mutex // protects what follows
	byID  map[string]*task
	order []*task // by the time of their making
	owned map[any]int
	bytes int
	runs  int // handlers that run, or are about to
	timer *time.Timer
}

// add makes a task of a call, if there is room, also for its handler to run.
func (tt *taskTable) add(c *Call) (*task, *Error) {
	s := c.server
	now := time.Now()
	if !c.engine.OffLoop() {
		c.keepOrigin()
	}
	t := &task{server: s, id: newTaskID(), request: bytes.Clone(c.engine.Message().Raw()), tool: c.tool, rev: c.rev,
		sender: c.sender, origin: c.origin, peer: c.peer, created: now, updated: now, ttl: s.opts.TaskTTL}
	if c.rev.modern {
		t.principal = c.Principal()
	} else {
		t.owner = c.session
		wish, _ := c.engine.Params().Get("task")
		if v, ok := wish.Object().Get("ttl"); ok {
			if ms, err := v.Int64(); err == nil && ms >= 0 {
				t.ttl = min(t.ttl, time.Duration(min(ms, t.ttl.Milliseconds()))*time.Millisecond)
			}
		}
	}
	t.expires = now.Add(t.ttl)
	tt.mu.Lock()
	defer tt.mu.Unlock()
	switch {
	case len(tt.byID) >= s.opts.MaxTasks, tt.owned[t.ownerKey()] >= s.opts.MaxTasksPerOwner:
		s.counters.tasksRefused.Add(1)
		return nil, errTasksFull
	case tt.runs >= c.maxRunningTasks():
		s.counters.tasksRefused.Add(1)
		return nil, errTasksRunning
	case !tt.take(t, len(t.request)):
		return nil, errTasksFull
	}
	if tt.byID == nil {
		tt.byID, tt.owned = map[string]*task{}, map[any]int{}
	}
	tt.runs++
	tt.byID[t.id] = t
	tt.order = append(tt.order, t)
	tt.owned[t.ownerKey()]++
	tt.arm()
	return t, nil
}

// maxRunningTasks is how many tasks' handlers may run when the call starts one or
// has one go on.
func (c *Call) maxRunningTasks() int {
	if n := c.server.opts.MaxRunningTasks; n > 0 {
		return n
	}
	return min(DefaultMaxRunningTasks, max(1, c.engine.Loop().Engine().Options().WorkersMax/2))
}

// enter takes room for a handler to run, if there is any.
func (tt *taskTable) enter(c *Call) bool {
	tt.mu.Lock()
	defer tt.mu.Unlock()
	if tt.runs >= c.maxRunningTasks() {
		c.server.counters.tasksRefused.Add(1)
		return false
	}
	tt.runs++
	return true
}

// returned gives the room of a handler back.
func (tt *taskTable) returned() {
	tt.mu.Lock()
	defer tt.mu.Unlock()
	tt.runs--
}

// take charges bytes of a task. The caller holds tt.mu.
func (tt *taskTable) take(t *task, n int) bool {
	if tt.bytes+n > t.server.opts.MaxTaskBytes {
		t.server.counters.tasksRefused.Add(1)
		return false
	}
	tt.bytes += n
	t.bytes += n
	return true
}

// hold charges the result of a task; one that was forgotten has none.
func (tt *taskTable) hold(t *task, n int) bool {
	tt.mu.Lock()
	defer tt.mu.Unlock()
	return tt.byID[t.id] != t || tt.take(t, n)
}

// ownerKey is who a task belongs to: nobody else is told of it.
func (t *task) ownerKey() any {
	if t.owner != nil {
		return t.owner
	}
	return t.principal
}

// arm sets the timer for what expires next. The caller holds tt.mu.
func (tt *taskTable) arm() {
	if len(tt.order) == 0 {
		return
	}
	next := tt.order[0].expires
	for _, t := range tt.order[1:] {
		if t.expires.Before(next) {
			next = t.expires
		}
	}
	if tt.timer == nil {
		tt.timer = time.AfterFunc(time.Until(next), tt.expire)
	} else {
		tt.timer.Reset(time.Until(next))
	}
}

// expire forgets the tasks whose time is over. Those that run are ended by
// their own limit.
func (tt *taskTable) expire() {
	now := time.Now()
	tt.mu.Lock()
	defer tt.mu.Unlock()
	for _, t := range tt.drop(func(t *task) bool { return !t.expires.After(now) }) {
		t.server.counters.tasksExpired.Add(1)
	}
	tt.arm()
}

// drop forgets some tasks. The caller holds tt.mu.
func (tt *taskTable) drop(which func(*task) bool) (dropped []*task) {
	tt.order = slices.DeleteFunc(tt.order, func(t *task) bool {
		if !which(t) {
			return false
		}
		delete(tt.byID, t.id)
		tt.bytes -= t.bytes
		if tt.owned[t.ownerKey()]--; tt.owned[t.ownerKey()] == 0 {
			delete(tt.owned, t.ownerKey())
		}
		dropped = append(dropped, t)
		return true
	})
	if len(tt.order) == 0 && tt.timer != nil {
		tt.timer.Stop()
	}
	return dropped
}

// dropSession ends the tasks of a session that has ended.
func (tt *taskTable) dropSession(ss *session) {
	tt.mu.Lock()
	var dropped []*task
	if tt.owned[ss] > 0 {
		dropped = tt.drop(func(t *task) bool { return t.owner == ss })
	}
	tt.mu.Unlock()
	for _, t := range dropped {
		t.cancel()
	}
}

// find returns the task that params.taskId names, if it is the caller's.
func (tt *taskTable) find(c *Call) (*task, *Error) {
	v, ok := c.engine.Params().Get("taskId")
	if !ok || v.Kind() != codec.String {
		return nil, errTaskID
	}
	id, err := v.Bytes(c.engine.Arena())
	if err != nil {
		return nil, errTaskID
	}
	t := tt.lookup(id, c.taskOwner())
	if t == nil {
		return nil, errTaskUnknown
	}
	return t, nil
}

// lookup returns the task of an id, if it is the owner's, else nil.
func (tt *taskTable) lookup(id []byte, owner any) *task {
	tt.mu.Lock()
	t := tt.byID[string(id)]
	tt.mu.Unlock()
	if t == nil || t.ownerKey() != owner || time.Now().After(t.expires) {
		return nil
	}
	return t
}

// taskOwner is who asks.
func (c *Call) taskOwner() any {
	if c.rev.modern {
		return c.Principal()
	}
	return c.session
}

// of returns the tasks of an owner behind the one with the id after, oldest
// first; ok is false if there is none of that id.
func (tt *taskTable) of(owner any, after string) (all []*task, ok bool) {
	tt.mu.Lock()
	defer tt.mu.Unlock()
	ok = after == ""
	for _, t := range tt.order {
		switch {
		case t.ownerKey() != owner:
		case ok:
			all = append(all, t)
		default:
			ok = t.id == after
		}
	}
	return all, ok
}
