package mcp

import (
	"bytes"

	"github.com/gannetmcp/gannet/codec"
	"github.com/gannetmcp/gannet/engine"
)

// tasksGet answers tasks/get of both kinds.
func tasksGet(c *Call) error {
	t, err := c.findTask()
	if err != nil {
		return err
	}
	dst := append(c.engine.BeginResult(), '{')
	if c.rev.modern {
		dst = t.appendDetails(dst)
	} else {
		dst = t.append(dst)
	}
	c.endResult(dst)
	return nil
}

// findTask finds the task that the params name.
func (c *Call) findTask() (*task, error) {
	if c.rev.modern && !c.takesTasks() {
		return nil, errTasksUndeclared
	}
	t, err := c.server.tasks.find(c)
	if err != nil {
		return nil, err
	}
	return t, nil
}

// tasksCancel answers tasks/cancel: with the task, whose end must not have come
// (2025-11-25), or with nothing at all (the extension).
func tasksCancel(c *Call) error {
	t, err := c.findTask()
	if err != nil {
		return err
	}
	ended := t.cancel()
	if c.rev.modern {
		c.endResult(append(c.engine.BeginResult(), '{'))
		return nil
	}
	if !ended {
		return errTaskFinal
	}
	c.endResult(t.append(append(c.engine.BeginResult(), '{')))
	return nil
}

// taskPage is how many tasks a page of tasks/list has.
const taskPage = 100

// tasksList answers tasks/list (2025-11-25): the session's own.
func tasksList(c *Call) error {
	after := ""
	if v, ok := c.engine.Params().Get("cursor"); ok {
		var err error
		if after, err = v.StringCopy(); err != nil || v.Kind() != codec.String {
			return errCursor
		}
	}
	all, ok := c.server.tasks.of(c.taskOwner(), after)
	if !ok {
		return errCursor
	}
	dst := append(c.engine.BeginResult(), `{"tasks":[`...)
	for i, t := range all[:min(len(all), taskPage)] {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(t.append(append(c.engine.Grow(dst, blockRoom+errorTextMax), '{')), '}')
	}
	dst = append(dst, ']')
	if len(all) > taskPage {
		dst = codec.AppendString(append(dst, `,"nextCursor":`...), all[taskPage-1].id)
	}
	c.endResult(dst)
	return nil
}

// tasksResult answers tasks/result (2025-11-25) when the task has ended: with
// what its request would have been answered with.
func tasksResult(c *Call) error {
	found, err := c.findTask()
	if err != nil {
		return err
	}
	if c.engine.OffLoop() || c.engine.InBatch() {
		return &Error{Code: codec.CodeInternal, Message: codec.CodeInternal.String()}
	}
	ss := c.connSession()
	if ss.opened >= ss.server.opts.MaxOpenRequests {
		c.server.counters.openRequestsRefused.Add(1)
		return errTooManyOpen
	}
	w := &openRequest{ss: ss, id: bytes.Clone(c.engine.ID().Raw())}
	c.engine.Leave()
	hs := c.session.http // c itself serves other requests by the time of w's end
	if hs != nil {
		hs.leftOpen(w, ss.conn)
	}
	found.mu.Lock()
	final := found.status.final()
	if !final {
		found.waiters = append(found.waiters, w)
	}
	ss.open(w, func() {
		found.forget(w)
		if hs != nil {
			hs.answeredOpen(w)
		}
	})
	found.mu.Unlock()
	if final {
		found.answer(w)
	}
	return nil
}

// forget drops a request that waits for the result.
func (t *task) forget(w *openRequest) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for i, x := range t.waiters {
		if x == w {
			t.waiters = append(t.waiters[:i], t.waiters[i+1:]...)
			return
		}
	}
}

// answer answers a request that has waited for the result, which is there,
// unless its connection has ended it meanwhile.
func (t *task) answer(w *openRequest) {
	w.ss.conn.Do(func(conn *engine.Conn) { // the task may have ended on another loop
		if w.ss.openRequest(w.id) == w {
			conn.SendAnswer(t.outcome(w.id))
			w.ss.answered(w)
		}
	})
}

// outcome returns the answer to the request of the raw id: that of the
// task's own request, with the task in its _meta.
func (t *task) outcome(id []byte) []byte {
	b := make([]byte, 0, len(id)+len(t.result)+len(t.failure)+blockRoom)
	b = append(append(b, `{"jsonrpc":"2.0","id":`...), id...)
	if t.result == nil {
		return append(append(append(b, `,"error":`...), t.failure...), '}')
	}
	b = append(append(b, `,"result":`...), t.result[:len(t.result)-1]...)
	if b[len(b)-1] != '{' {
		b = append(b, ',')
	}
	b = codec.AppendString(append(b, `"_meta":{`+relatedTask...), t.id)
	return append(b, "}}}}"...)
}

// tasksUpdate answers tasks/update (the extension): answers to what the task has
// asked. When all are there the handler runs anew.
func tasksUpdate(c *Call) error {
	t, err := c.findTask()
	if err != nil {
		return err
	}
	responses, ok := c.engine.Params().Get("inputResponses")
	if !ok || inputResponsesShape.check(responses) != nil {
		return errTaskResponse
	}
	var d *dialog
	full := false
	t.mu.Lock()
	if t.status == taskInputRequired && t.run == nil {
		if !c.server.tasks.enter(c) {
			t.mu.Unlock()
			return errTasksRunning
		}
		var left []*question
		for _, q := range t.dialog.asked {
			v, ok := responses.Object().Get(q.key)
			if !ok {
				left = append(left, q)
				continue
			}
			answer := bytes.Clone(v.Raw())
			if q.judge(answer) != nil { // still asked for
				left = append(left, q)
				continue
			}
			if !c.server.tasks.hold(t, len(answer)) {
				left, full = append(left, q), true
				continue
			}
			t.dialog.answers[q.key] = codec.RawValue(answer)
		}
		t.dialog.asked = left
		if len(left) == 0 {
			d = t.dialog
			t.status = taskWorking
		} else {
			c.server.tasks.returned()
		}
	}
	t.mu.Unlock()
	if d != nil {
		t.waiting(false)
		t.begin(c.engine.Conn(), c.session, d)
	}
	if full {
		return errTasksFull
	}
	c.endResult(append(c.engine.BeginResult(), '{'))
	return nil
}
