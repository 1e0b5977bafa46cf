//go:build !race

package pool

import "testing"

// Submitting and running allocates nothing once workers and ring are there.
func TestAllocs(t *testing.T) {
	done := make(chan struct{}, 64)
	w := NewWorkers(WorkersOptions{Min: 4, Max: 4, Queue: 256}, func(*int) { done <- struct{}{} })
	defer w.Close()
	for _, n := range []int{1, 64} {
		tasks := make([]*int, n)
		op := func() {
			if w.Submit(tasks) != n {
				t.Error("refused")
			}
			for range n {
				<-done
			}
		}
		for range 100 {
			op()
		}
		if a := testing.AllocsPerRun(200, op); a != 0 {
			t.Errorf("%v allocations for %d tasks, want 0", a, n)
		}
	}
}
