package mcp

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/gannetmcp/gannet/codec"
)

const (
	taskPollDefault = time.Second
	taskPollMin     = 50 * time.Millisecond
	taskPollMax     = time.Minute
)

// TaskInfo is a task that a server does in place of an answer: core in
// 2025-11-25, an extension in 2026-07-28.
type TaskInfo struct {
	ID string `json:"taskId"`
	// Status is "working", "input_required", "completed", "failed" or
	// "cancelled"; the last three are final.
	Status        string
	StatusMessage string
	// TTL and PollInterval are in milliseconds; 0 where the server has not
	// said, or keeps the task without limit.
	TTL, PollInterval int64
	Raw               json.RawMessage // the whole
}

// Final reports whether the task has ended.
func (t *TaskInfo) Final() bool {
	return t.Status == "completed" || t.Status == "failed" || t.Status == "cancelled"
}

// UnmarshalJSON reads a task of either kind.
func (t *TaskInfo) UnmarshalJSON(b []byte) error {
	var j struct {
		TaskID, Status, StatusMessage            string
		TTL, TTLMs, PollInterval, PollIntervalMs *float64
	}
	if err := json.Unmarshal(b, &j); err != nil {
		return err
	}
	ms := func(a, b *float64) int64 {
		for _, v := range []*float64{a, b} {
			if v != nil && *v > 0 && *v < 1e15 {
				return int64(*v)
			}
		}
		return 0
	}
	*t = TaskInfo{
		ID: j.TaskID, Status: j.Status, StatusMessage: j.StatusMessage,
		TTL: ms(j.TTL, j.TTLMs), PollInterval: ms(j.PollInterval, j.PollIntervalMs),
		Raw: append(json.RawMessage(nil), b...),
	}
	return nil
}

// WithTask has a tool call of revision 2025-11-25 done as a task, which the
// server keeps for ttl (0: as long as it likes). It must not be asked of tools
// whose Execution.TaskSupport forbids it, which is the default. In 2026-07-28
// the server decides, with ClientOptions.Tasks; there, and in older revisions,
// WithTask does nothing.
func WithTask(ttl time.Duration) RequestOption {
	return func(o *requestOptions) { o.task, o.taskTTL = true, ttl }
}

// OnTask has f told of the task that a tool call has become, at its beginning
// and whenever its status is asked for. f is called on the goroutine that waits.
func OnTask(f func(TaskInfo)) RequestOption {
	return func(o *requestOptions) { o.onTask = f }
}

func (o *requestOptions) taskParams() json.RawMessage {
	t := map[string]int64{}
	if o.taskTTL > 0 {
		t["ttl"] = o.taskTTL.Milliseconds()
	}
	return mustMarshal(t)
}

func (o *requestOptions) tell(t *TaskInfo) {
	if o.onTask != nil {
		o.onTask(*t)
	}
}

// GetTask returns how far a task is.
func (s *ClientSession) GetTask(ctx context.Context, id string) (*TaskInfo, error) {
	t := &TaskInfo{}
	if _, err := s.requestInto(ctx, "tasks/get", params{"taskId": mustMarshal(id)}, requestOptions{}, t); err != nil {
		return nil, err
	}
	if t.ID == "" || t.Status == "" {
		return nil, fmt.Errorf("%w: tasks/get: no taskId or status", ErrBadAnswer)
	}
	return t, nil
}

// CancelTask asks the server to end a task, which may take a while.
func (s *ClientSession) CancelTask(ctx context.Context, id string) error {
	_, err := s.ask(ctx, "tasks/cancel", params{"taskId": mustMarshal(id)}, requestOptions{})
	return err
}

// ListTasks returns the server's tasks (2025-11-25; ErrNotInRevision in others).
func (s *ClientSession) ListTasks(ctx context.Context) ([]TaskInfo, error) {
	l, err := s.current(ctx)
	if err != nil {
		return nil, err
	}
	if !l.rev.Load().coreTasks {
		return nil, fmt.Errorf("%w: tasks/list", ErrNotInRevision)
	}
	return list(ctx, s, "tasks/list", "tasks", nil, func(*TaskInfo, json.RawMessage) {})
}

// boundTask bounds the wait for a task by ClientOptions.TaskTimeout.
func (s *ClientSession) boundTask(ctx context.Context, id string, o *requestOptions) (context.Context, context.CancelFunc) {
	limit := s.client.opts.TaskTimeout
	if limit < 0 {
		return ctx, func() {}
	}
	limit = max(limit, o.timeout)
	return context.WithTimeoutCause(ctx, limit, fmt.Errorf("%w: task %s had not ended after %v (ClientOptions.TaskTimeout)", ErrRequestTimeout, clip(id, versionShown), limit))
}

// poll asks how far a task is until stop says that this is enough. When ctx
// ends, the task is cancelled.
func (s *ClientSession) poll(ctx context.Context, t *TaskInfo, o requestOptions, stop func(*TaskInfo) (bool, error)) (*TaskInfo, error) {
	id := t.ID
	for {
		o.tell(t)
		enough, err := stop(t)
		if err == nil && !enough {
			err = wait(ctx, t.pause())
		}
		var next *TaskInfo
		if err == nil && !enough {
			next, err = s.GetTask(ctx, id)
		}
		switch {
		case err != nil && ctx.Err() != nil:
			s.giveUpTask(id)
			return nil, err
		case err != nil:
			return nil, err
		case enough:
			return t, nil
		}
		t = next
	}
}

// pause is how long to wait before the task is asked for again.
func (t *TaskInfo) pause() time.Duration {
	if t.PollInterval == 0 {
		return taskPollDefault
	}
	return min(max(time.Duration(min(t.PollInterval, taskPollMax.Milliseconds()))*time.Millisecond, taskPollMin), taskPollMax)
}

// giveUpTask cancels a task that nobody waits for any more. The answer is
// nobody's either.
func (s *ClientSession) giveUpTask(id string) {
	s.mu.Lock()
	l := s.link
	s.mu.Unlock()
	rev := l.rev.Load()
	if rev == nil { // a new connection, not negotiated yet
		return
	}
	b, err := l.encode(rev, s.ids.Add(1), "tasks/cancel", params{"taskId": mustMarshal(id)}, false)
	if err == nil {
		_ = l.conn.Deliver(b)
	}
}

// legacyTask waits for the task that a call of revision 2025-11-25 became, and
// returns its result ("Tasks"). A server without tasks has answered at once.
func (s *ClientSession) legacyTask(ctx context.Context, method string, raw json.RawMessage, o requestOptions) (json.RawMessage, error) {
	var r struct{ Task *TaskInfo }
	if err := decodeResult(method, raw, &r); err != nil {
		return nil, err
	}
	if r.Task == nil {
		return raw, nil
	}
	if r.Task.ID == "" {
		return nil, fmt.Errorf("%w: %s: a task without taskId", ErrBadAnswer, method)
	}
	ctx, cancel := s.boundTask(ctx, r.Task.ID, &o)
	defer cancel()
	// Input is asked for by requests that come while tasks/result waits.
	t, err := s.poll(ctx, r.Task, o, func(t *TaskInfo) (bool, error) {
		return t.Final() || t.Status == "input_required", nil
	})
	if err != nil {
		return nil, err
	}
	if o.timeout == 0 {
		o.timeout = max(s.client.opts.RequestTimeout, s.client.opts.RequestTimeoutMax)
	}
	o.task = false
	raw, err = s.ask(ctx, "tasks/result", params{"taskId": mustMarshal(t.ID)}, o)
	if err != nil && ctx.Err() != nil {
		s.giveUpTask(t.ID)
	}
	return raw, err
}

// modernTask waits for the task that a call of revision 2026-07-28 became,
// gives it the input it asks for, and returns its result.
func (s *ClientSession) modernTask(ctx context.Context, raw json.RawMessage, o requestOptions) (json.RawMessage, error) {
	t := &TaskInfo{}
	if err := decodeResult(askToolsCall, raw, t); err != nil {
		return nil, err
	}
	if t.ID == "" {
		return nil, fmt.Errorf("%w: a task without taskId", ErrBadAnswer)
	}
	ctx, cancel := s.boundTask(ctx, t.ID, &o)
	defer cancel()
	answered := map[string]bool{}
	created := true
	t, err := s.poll(ctx, t, o, func(t *TaskInfo) (bool, error) {
		if created { // what came of a task, or what it asks for, only tasks/get says
			created = false
			return false, nil
		}
		if t.Status != "input_required" {
			return t.Final(), nil
		}
		return false, s.updateTask(ctx, t, answered)
	})
	if err != nil {
		return nil, err
	}
	var end struct {
		Result json.RawMessage
		Error  *struct {
			Code    codec.Code
			Message string
			Data    json.RawMessage
		}
	}
	if err := decodeResult("tasks/get", t.Raw, &end); err != nil {
		return nil, err
	}
	switch {
	case t.Status == "completed" && len(end.Result) > 0 && end.Result[0] == '{':
		return end.Result, nil
	case t.Status == "failed" && end.Error != nil:
		return nil, &Error{Code: end.Error.Code, Message: end.Error.Message, Data: end.Error.Data}
	case t.Status == "cancelled":
		return nil, fmt.Errorf("mcp: task %s was cancelled: %s", clip(t.ID, versionShown), clipText(t.StatusMessage))
	}
	return nil, fmt.Errorf("%w: task %s is %s without saying what came of it", ErrBadAnswer, clip(t.ID, versionShown), clip(t.Status, versionShown))
}

// updateTask gives a task the input that it asks for and was not given yet.
func (s *ClientSession) updateTask(ctx context.Context, t *TaskInfo, answered map[string]bool) error {
	var out outcome
	if err := decodeResult("tasks/get", t.Raw, &out); err != nil {
		return err
	}
	for key := range out.InputRequests {
		if answered[key] {
			delete(out.InputRequests, key)
		}
	}
	if len(out.InputRequests) == 0 {
		return nil
	}
	if len(answered) > s.client.opts.MaxRounds*inputRequestsMax {
		return fmt.Errorf("%w: task %s (ClientOptions.MaxRounds)", ErrTooManyRounds, clip(t.ID, versionShown))
	}
	responses, err := s.answerInputs(ctx, modernOne, "tasks/get", out.InputRequests)
	if err != nil {
		return err
	}
	for key := range responses {
		answered[key] = true
	}
	_, err = s.ask(ctx, "tasks/update", params{"taskId": mustMarshal(t.ID), "inputResponses": mustMarshal(responses)}, requestOptions{})
	return err
}
