package engine

import (
	"errors"
	"testing"
)

// A spawned call may be cancelled while its loop begins with it: the tasks of a
// session end on whichever loop ends the session.
func TestSpawnCancelledElsewhere(t *testing.T) {
	h := newHarness(t, Options{})
	c, _ := h.open()
	cause := errors.New("the cause")
	for range 200 {
		o := &outcome{}
		s, err := c.Spawn([]byte(request(1, "x", `{}`)), 0, echoRunner, func(*Call) {}, o.done)
		if err != nil {
			t.Fatal(err)
		}
		ended := make(chan struct{})
		go func() {
			s.Cancel(cause)
			close(ended)
		}()
		h.l.Turn()
		h.exec.runAll()
		h.l.Turn()
		<-ended
		if o.times != 1 {
			t.Fatalf("done %d times", o.times)
		}
	}
	h.settle()
}
