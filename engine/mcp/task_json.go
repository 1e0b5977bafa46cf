package mcp

import (
	"time"

	"github.com/gannetmcp/gannet/codec"
)

// relatedTask names the task that a message belongs to (2025-11-25).
const relatedTask = `"io.modelcontextprotocol/related-task":{"taskId":`

// append appends the members of the task, as its revision has them. The caller
// does not hold t.mu.
func (t *task) append(b []byte) []byte {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.appendLocked(b)
}

func (t *task) appendLocked(b []byte) []byte {
	b = codec.AppendString(append(b, `"taskId":`...), t.id)
	b = append(append(append(b, `,"status":"`...), taskStatusNames[t.status]...), '"')
	if t.text != "" {
		b = codec.AppendString(append(b, `,"statusMessage":`...), t.text)
	}
	b = t.created.UTC().AppendFormat(append(b, `,"createdAt":"`...), time.RFC3339Nano)
	b = t.updated.UTC().AppendFormat(append(b, `","lastUpdatedAt":"`...), time.RFC3339Nano)
	b = append(b, '"')
	ttl, poll := `,"ttl":`, `,"pollInterval":`
	if t.owner == nil {
		ttl, poll = `,"ttlMs":`, `,"pollIntervalMs":`
	}
	b = codec.AppendInt(append(b, ttl...), t.ttl.Milliseconds())
	return codec.AppendInt(append(b, poll...), taskPollMs)
}

// appendDetails appends what the extension has beside that: the result, the
// error, or what the client is asked, by the status.
func (t *task) appendDetails(b []byte) []byte {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.appendDetailsLocked(b)
}

func (t *task) appendDetailsLocked(b []byte) []byte {
	b = t.appendLocked(b)
	switch t.status {
	case taskCompleted:
		b = append(append(b, `,"result":`...), t.result...)
	case taskFailed:
		b = append(append(b, `,"error":`...), t.failure...)
	case taskInputRequired:
		b = appendQuestions(append(b, `,"inputRequests":`...), t.dialog.asked)
	}
	return b
}

// note returns the notification of the task's status, for clients that listen.
// The caller holds t.mu.
func (t *task) note() []byte {
	if t.owner != nil {
		b := append(codec.AppendNotificationHead(nil, "notifications/tasks/status"), '{')
		return append(t.appendLocked(b), "}}"...)
	}
	b := append(codec.AppendNotificationHead(nil, "notifications/tasks"), '{')
	return append(t.appendDetailsLocked(b), "}}"...)
}

// appendQuestions appends what a client is asked, by key.
func appendQuestions(b []byte, asked []*question) []byte {
	b = append(b, '{')
	for i, q := range asked {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(codec.AppendString(b, q.key), `:{"method":"`...)
		b = append(append(append(b, q.method...), `","params":`...), q.params...)
		b = append(b, '}')
	}
	return append(b, '}')
}

// appendRelated splices the task that a message belongs to into the object of
// its params, whose closing brace is missing.
func (c *Call) appendRelated(b []byte) []byte {
	if c.task == nil || c.rev.modern {
		return b
	}
	if b[len(b)-1] != '{' {
		b = append(b, ',')
	}
	b = codec.AppendString(append(b, `"_meta":{`+relatedTask...), c.task.id)
	return append(b, "}}"...)
}
