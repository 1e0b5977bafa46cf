package ringbuf_test

import (
	"fmt"

	"github.com/gannetmcp/gannet/ringbuf"
)

// A buffer is lent, grown, and given back.
func ExamplePool() {
	p := ringbuf.NewPool(ringbuf.PoolOptions{})
	b := append(p.Get(100), "partial message"...)
	b = append(p.Grow(b, 2000), ", and a lot more"...)
	fmt.Println(string(b), cap(b))
	p.Put(b) // b is nobody's from here on
	fmt.Println(p.Stats().Outstanding)
	// Output:
	// partial message, and a lot more 2048
	// 0
}

// A job travels as a node of the mailbox itself, so pushing allocates nothing.
func ExampleMailbox() {
	type job struct {
		item ringbuf.Item[*job]
		name string
	}
	var m ringbuf.Mailbox[*job]
	push := func(name string, push func(*ringbuf.Item[*job]) bool) {
		j := &job{name: name}
		j.item.Value = j
		if push(&j.item) {
			fmt.Println("wake the consumer for", name)
		}
	}
	m.Sleep()
	push("reply", m.Push)
	push("another", m.Push)
	push("cancel", m.PushUrgent)
	for it := m.Pop(); it != nil; it = m.Pop() {
		fmt.Println(it.Value.name)
	}
	// Output:
	// wake the consumer for reply
	// cancel
	// reply
	// another
}
