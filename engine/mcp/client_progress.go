package mcp

import "github.com/gannetmcp/gannet/codec"

const notificationProgress = "notifications/progress"

// ProgressReport says how far a request is: Progress of Total, in any unit; a
// Total of 0 is unknown. Message is empty before revision 2025-03-26.
type ProgressReport struct {
	Progress, Total float64
	Message         string
}

// progressed keeps a report for the goroutine that waits for the request.
// What is malformed, or goes back, is not worth a word: progress is a hint.
func (l *link) progressed(p codec.Object) {
	token, _ := p.Get("progressToken")
	id, ok := requestID(token.Raw())
	if !ok {
		return
	}
	var r ProgressReport
	v, _ := p.Get("progress")
	var err error
	if r.Progress, err = v.Float64(); err != nil {
		return
	}
	if v, ok := p.Get("total"); ok {
		r.Total, _ = v.Float64()
	}
	if v, ok := p.Get("message"); ok && v.Kind() == codec.String && len(v.Raw()) <= errorTextMax {
		r.Message, _ = v.StringCopy()
	}
	l.mu.Lock()
	q := l.pending[id]
	if q != nil && q.wanted {
		if len(q.progress) == progressKept {
			q.progress = append(q.progress[:0], q.progress[1:]...)
			l.session.stats.progressDropped.Add(1)
		}
		q.progress = append(q.progress, r)
	}
	l.mu.Unlock()
	if q != nil {
		select {
		case q.stirred <- struct{}{}:
		default:
		}
	}
}

// report hands over what has come.
func (l *link) report(q *pendingRequest, f func(ProgressReport)) {
	if f == nil {
		return
	}
	l.mu.Lock()
	reports := q.progress
	q.progress = nil
	l.mu.Unlock()
	for _, r := range reports {
		f(r)
	}
}
