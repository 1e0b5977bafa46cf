package registry_test

import (
	"fmt"

	"github.com/gannetmcp/gannet/engine/registry"
)

// printer stands for a connection: in a server, engine.Conn is a Target, which
// takes messages from any goroutine to whatever event loop it lives on.
type printer string

func (p printer) Deliver(message []byte) error {
	fmt.Printf("%s gets %s\n", p, message)
	return nil
}

func ExampleRouter() {
	r := registry.NewRouter(registry.TableOptions{})
	conn := r.NewBinder() // one for each connection; Drop when it ends
	_ = conn.Bind([]byte("session-1"), printer("connection A"))
	fmt.Println(r.Route([]byte("session-1"), []byte("hello")))
	conn.Drop()
	fmt.Println(r.Route([]byte("session-1"), []byte("hello")))
	// Output:
	// connection A gets hello
	// <nil>
	// registry: no such name
}

func ExampleTopics() {
	topics := registry.NewTopics(registry.TopicsOptions{})
	for _, name := range []string{"A", "B"} {
		s := topics.NewSubscriber(printer("connection " + name)) // Drop when it ends
		_ = s.Subscribe([]byte("file:///notes.txt"))
	}
	delivered, refused := topics.Publish([]byte("file:///notes.txt"), []byte("it has changed"))
	fmt.Println(delivered, refused)
	// Output:
	// connection A gets it has changed
	// connection B gets it has changed
	// 2 0
}
