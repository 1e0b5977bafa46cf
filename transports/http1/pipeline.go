package http1

// Pipeline puts the answers of one connection in the order of its requests (RFC
// 9112 §9.3.2). Answers may be produced in any order; the bytes of one whose turn
// has not come wait in a buffer of the pool. Used by one goroutine at a time, that
// of its Loop.
//
//	requests     1      2      3          Open in this order
//	answers   ▒▒▒▒▒░░  (none)  ▒▒▒▒▒      ▒ written
//	output    ▒▒▒▒▒            waits until 1 and 2 are finished
type Pipeline struct {
	loop        *Loop
	first, last *Answer
	open, held  int
	closed      bool
}

// Answer is the place in a Pipeline of the answer to one request. It is the
// caller's from Open to Finish.
type Answer struct {
	next  *Answer
	held  []byte // of the pool: what waits for its turn
	done  bool
	final bool // nothing follows it
}

// Init readies q.
func (q *Pipeline) Init(l *Loop) { *q = Pipeline{loop: l} }

// Open gives a place to the request that has just come. It returns nil when as
// many are open as Limits.Pipeline allows: then hold the rest of the input until
// an answer is finished. After the final answer it returns nil always.
//
// Hot path: no allocation, no lock.
func (q *Pipeline) Open() *Answer {
	if q.Full() {
		return nil
	}
	a := q.loop.answers.take()
	*a = Answer{}
	if q.last == nil {
		q.first = a
	} else {
		q.last.next = a
	}
	q.last = a
	q.open++
	return a
}

// Full reports whether Open returns nil.
func (q *Pipeline) Full() bool { return q.closed || q.open >= q.loop.limits.Pipeline }

// Len returns the number of open answers.
func (q *Pipeline) Len() int { return q.open }

// Held returns the bytes that wait for their turn.
func (q *Pipeline) Held() int { return q.held }

// Closed reports whether the final answer is in the output: the connection is to
// be closed when its peer has that.
func (q *Pipeline) Closed() bool { return q.closed }

// First reports whether it is a's turn: what is appended goes straight to the
// output, and could as well be appended there by the caller.
func (q *Pipeline) First(a *Answer) bool { return q.first == a && !q.closed }

// Append appends b to the answer a and returns the output, which is longer by b
// if it is a's turn. b is copied.
//
// Hot path: no allocation; no lock if it is a's turn.
func (q *Pipeline) Append(out []byte, a *Answer, b []byte) []byte {
	if q.closed || len(b) == 0 {
		return out
	}
	if q.first == a {
		return append(out, b...)
	}
	switch need := len(a.held) + len(b); {
	case a.held == nil:
		a.held = q.loop.pool.Get(need)
	case need > cap(a.held):
		a.held = q.loop.pool.Grow(a.held, max(len(b), cap(a.held)))
	}
	a.held = append(a.held, b...)
	q.held += len(b)
	return out
}

// Finish ends the answer a, which is not the caller's any more, and returns the
// output with all that can go now: what the answers behind a have, up to the first
// that is not finished. final says that a is the last of its connection
// (Response.Closes): what answers behind it have is discarded.
//
// Hot path: no allocation; no lock if no answer waits.
func (q *Pipeline) Finish(out []byte, a *Answer, final bool) []byte {
	a.done, a.final = true, final
	for q.first != nil && q.first.done {
		q.closed = q.closed || q.first.final
		q.pop()
		if next := q.first; next != nil && !q.closed {
			out = append(out, next.held...)
			q.drop(next)
		}
	}
	if q.closed {
		for a := q.first; a != nil; a = a.next {
			q.drop(a)
		}
	}
	return out
}

// pop gives back the first answer.
func (q *Pipeline) pop() {
	a := q.first
	if q.first = a.next; q.first == nil {
		q.last = nil
	}
	q.open--
	q.drop(a)
	a.next = nil
	q.loop.answers.put(a)
}

// drop gives back what a holds.
func (q *Pipeline) drop(a *Answer) {
	if a.held != nil {
		q.held -= len(a.held)
		q.loop.pool.Put(a.held)
		a.held = nil
	}
}

// Release discards all answers and gives back what they hold, as when the
// connection is gone. Nobody may use an Answer of q's after that.
func (q *Pipeline) Release() {
	for q.first != nil {
		q.pop()
	}
}
