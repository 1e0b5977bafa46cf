package mcp

import (
	"bytes"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"sync"
	"time"

	"github.com/gannetmcp/gannet/codec"
	"github.com/gannetmcp/gannet/engine"
)

// Tasks are tool calls that are answered at once with a handle and go on
// without their request: the tasks of 2025-11-25, which the client asks for, and
// those of the extension io.modelcontextprotocol/tasks of 2026-07-28, where the
// server decides.

// tasksExtension is what both sides declare in 2026-07-28.
const tasksExtension = metaPrefix + "tasks"

// TaskSupport says whether a tool's calls may be tasks.
type TaskSupport uint8

// How tools support tasks.
const (
	// TaskForbidden tools are called as usual.
	TaskForbidden TaskSupport = iota
	// TaskOptional tools are tasks for clients of 2025-11-25 that ask for one,
	// and for those of 2026-07-28 that declare the extension.
	TaskOptional
	// TaskRequired tools are refused to all others: -32601 in 2025-11-25,
	// -32021 in 2026-07-28. Clients of older revisions, which have no tasks,
	// call them as usual.
	TaskRequired
	// TaskEntered tools are like TaskOptional for clients of 2025-11-25. For
	// those of 2026-07-28 the handler says when it becomes a task: Call.EnterTask.
	TaskEntered
)

var taskSupportNames = [...]string{TaskForbidden: "forbidden", TaskOptional: "optional", TaskRequired: "required", TaskEntered: "optional"}

// taskStatus is how far a task is. The last three are final.
type taskStatus uint8

const (
	taskWorking taskStatus = iota
	taskInputRequired
	taskCompleted
	taskFailed
	taskCancelled
)

var taskStatusNames = [...]string{"working", "input_required", "completed", "failed", "cancelled"}

func (s taskStatus) final() bool { return s >= taskCompleted }

// taskPollMs is how often clients are asked to poll.
const taskPollMs = 500

// task is one task. Safe from any goroutine.
type task struct {
	server    *Server
	id        string
	owner     *session // of 2025-11-25; nil for the extension
	principal string
	sender    string // of its request
	origin    origin
	peer      *engine.Peer
	request   []byte // the whole
	tool      *tool
	rev       *revision
	created   time.Time
	ttl       time.Duration
	expires   time.Time

	mu      sync.Mutex // protects what follows
	status  taskStatus
	text    string // statusMessage
	updated time.Time
	result  []byte // a result object, once it is completed, or failed with isError
	failure []byte // an error object, once it has failed
	dialog  *dialog
	run     *engine.Spawned // while it runs
	waiters []*openRequest  // tasks/result
	untold  bool            // it has changed, and who listens is not told yet
	telling bool            // somebody is just telling

	bytes int // of request and result, under taskTable.mu
}

var (
	errTaskUnknown     = invalidParams("unknown taskId; the task may have expired")
	errTaskID          = invalidParams("taskId must be a string")
	errTaskFinal       = invalidParams("the task has ended already")
	errTaskResponse    = invalidParams("inputResponses must be an object of objects")
	errTaskForbid      = &Error{Code: codec.CodeMethodNotFound, Message: "Method not found: the tool does not run as a task"}
	errTaskNeeded      = &Error{Code: codec.CodeMethodNotFound, Message: "Method not found: the tool runs as a task only; give params.task"}
	errTasksFull       = &Error{Code: codec.CodeOverloaded, Message: "Overloaded: too many tasks"}
	errTasksRunning    = &Error{Code: codec.CodeOverloaded, Message: "Overloaded: too many tasks run; try again later"}
	errTasksUndeclared = &Error{Code: codec.CodeMissingCapability, Message: "Missing required client capability",
		Data: []byte(`{"requiredCapabilities":{"extensions":{"` + tasksExtension + `":{}}}}`)}
	errTaskCancelled = errors.New("mcp: the task was cancelled by tasks/cancel")
	errEnterTask     = errors.New("mcp: the call becomes a task")
)

// EnterTask makes the call of a TaskEntered tool a task, if its client is of
// 2026-07-28 and takes tasks: it then returns an error, which the handler
// returns, and the handler runs anew inside the task, with what the client has
// answered so far. Otherwise, and inside the task, it returns nil.
func (c *Call) EnterTask() error {
	if c.task != nil || c.tool == nil || c.tool.TaskSupport != TaskEntered || !c.rev.modern || !c.takesTasks() {
		return nil
	}
	return errEnterTask
}

// InTask reports whether the call runs as a task.
func (c *Call) InTask() bool { return c.task != nil }

// SetTaskStatus says in a few words how far the task is. It does nothing for a
// call that is none.
func (c *Call) SetTaskStatus(text string) {
	if t := c.task; t != nil {
		t.change(func() { t.text = clipText(text) })
	}
}

func (c *Call) takesTasks() bool { return c.capabilities()&canTasks != 0 }

// taskWanted reports whether a call is to be answered with a task before its
// handler runs.
func (c *Call) taskWanted() (bool, *Error) {
	support := c.tool.TaskSupport
	if c.rev.modern {
		switch {
		case support == TaskRequired && !c.takesTasks():
			return false, errTasksUndeclared
		case support == TaskOptional, support == TaskRequired:
			return c.takesTasks(), nil
		}
		return false, nil
	}
	if !c.rev.coreTasks || !c.server.tasked.Load() {
		return false, nil // a receiver without tasks ignores the wish
	}
	_, asked := c.engine.Params().Get("task")
	switch {
	case asked && support == TaskForbidden:
		return false, errTaskForbid
	case !asked && support == TaskRequired:
		return false, errTaskNeeded
	}
	return asked, nil
}

// startTask answers the call with a task, and begins with that.
func (c *Call) startTask() {
	if c.engine.Ended() { // nobody would be told of it
		c.engine.Fail(codec.ErrInternal)
		return
	}
	t, err := c.server.tasks.add(c)
	if err != nil {
		c.fail(err)
		return
	}
	dst := append(c.engine.BeginResult(), '{')
	if c.rev.modern {
		dst = t.append(dst)
		dst = append(append(dst, `,"resultType":"task",`...), c.server.modernMeta()...)
	} else {
		dst = append(t.append(append(dst, `"task":{`...)), "}}"...)
	}
	c.engine.EndResult(dst)
	if t.owner != nil && t.owner.over() { // on another loop, before the task was there
		c.server.tasks.dropSession(t.owner)
	}
	t.begin(c.engine.Conn(), c.session, c.dialog)
}

// begin runs the handler, from its beginning, with what the client has answered.
// There must be room for it in the table, which is given back when it has run.
func (t *task) begin(conn *engine.Conn, ss *session, d *dialog) {
	if d != nil {
		d = &dialog{answers: d.answers, state: d.state}
	}
	limit := max(time.Until(t.expires), 1) // 0 would be none
	t.mu.Lock()
	if t.status.final() { // meanwhile
		t.mu.Unlock()
		t.server.tasks.returned()
		return
	}
	run, err := conn.Spawn(t.request, limit, moved{}, func(ec *engine.Call) {
		c := ss.callOf(ec, t.sender)
		c.rev, c.method, c.tool, c.task, c.dialog = t.rev, methodToolsCall, t.tool, t, d
		c.origin, c.peer = t.origin, t.peer
		c.handler = t.tool.handler
	}, t.done)
	t.run = run // before done, which may be called on the loop already, has t.mu
	t.mu.Unlock()
	if err != nil {
		t.server.tasks.returned()
		t.done(nil, err)
	}
}

// done takes the answer of the handler.
func (t *task) done(answer []byte, err error) {
	var m codec.Message
	if err == nil {
		err = taskParser.Parse(&m, answer)
	}
	t.change(func() {
		t.run = nil
		switch {
		case err != nil:
			t.status = taskFailed
			t.text = clipText(err.Error())
			t.failure = []byte(`{"code":-32603,"message":"Internal error"}`)
			if errors.Is(err, engine.ErrCallTimeout) {
				t.failure = []byte(`{"code":-31003,"message":"Timed out"}`)
			}
		case m.Kind() != codec.KindResult:
			t.status, t.failure = taskFailed, bytes.Clone(m.ErrorObject().Raw())
		case t.dialog != nil && len(t.dialog.asked) > 0:
			t.status = taskInputRequired
		case !t.server.tasks.hold(t, len(m.Result().Raw())):
			t.status, t.text = taskFailed, "there is no room for the result"
			t.failure = []byte(`{"code":-31001,"message":"Overloaded: there is no room for the result of the task"}`)
		default:
			t.status, t.result = taskCompleted, bytes.Clone(m.Result().Raw())
			if v, ok := m.Result().Get("isError"); ok && isTrue(v) && t.owner != nil {
				t.status = taskFailed
			}
		}
	})
}

var taskParser = codec.NewParser(codec.Limits{})

// change changes the task, unless it has ended, and tells who listens. What is
// told is in order: where somebody is telling already, on whatever goroutine, it
// tells of this change too, as the last one there is.
func (t *task) change(f func()) {
	t.mu.Lock()
	if t.status.final() {
		t.mu.Unlock()
		return
	}
	f()
	t.updated = time.Now()
	var waiters []*openRequest
	if t.status.final() {
		waiters, t.waiters = t.waiters, nil
		t.dialog = nil
	}
	t.untold = true
	t.mu.Unlock()
	for _, w := range waiters {
		t.answer(w)
	}
	t.tell()
}

// tell tells who listens what the task is. No lock is held meanwhile: who is told
// may end a connection, and that the task.
func (t *task) tell() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.telling {
		return
	}
	t.telling = true
	for t.untold {
		t.untold = false
		note := t.note()
		t.mu.Unlock()
		if t.owner != nil {
			_ = t.owner.Deliver(note) // a client that takes no more can poll
		} else {
			t.server.taskUpdates.Publish(viewBytes(t.id), note)
		}
		t.mu.Lock()
	}
	t.telling = false
}

// cancel ends the task. It reports whether it had not ended before.
func (t *task) cancel() bool {
	var run *engine.Spawned
	ended := false
	t.change(func() {
		t.status, t.text, ended = taskCancelled, "cancelled by the client", true
		t.failure = []byte(`{"code":-32603,"message":"the task was cancelled"}`)
		run, t.run = t.run, nil
	})
	if run != nil {
		run.Cancel(errTaskCancelled)
	}
	return ended
}

// keep keeps what the client is asked.
func (t *task) keep(d *dialog) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.dialog = d
}

// waiting says that the handler waits for the client (2025-11-25), or goes on.
func (t *task) waiting(w bool) {
	t.change(func() {
		t.status = taskWorking
		if w {
			t.status = taskInputRequired
		}
	})
}

func newTaskID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails
	return base64.RawURLEncoding.EncodeToString(b[:])
}
