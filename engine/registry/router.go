package registry

import (
	"errors"
	"fmt"
	"sync"
)

// ErrGone says that the target of a name has ended. Targets wrap it.
var ErrGone = errors.New("registry: target has ended")

// Router sends messages to targets by name. Safe from any goroutine.
type Router struct {
	names *Table[*membership]
	bound set
}

// NewRouter returns a router without names.
func NewRouter(o TableOptions) *Router {
	return &Router{names: NewTable[*membership](o)}
}

// Binder is an owner of a router's names. Its methods are safe from any
// goroutine.
type Binder struct {
	router *Router
	owner  *Owner[*membership]
	mu     sync.Mutex // protects bound
	bound  map[*membership]struct{}
}

// NewBinder returns an owner without names.
func (r *Router) NewBinder() *Binder {
	return &Binder{router: r, owner: r.names.NewOwner(), bound: map[*membership]struct{}{}}
}

// Bind has messages to name delivered to target. The name is copied.
//
// Errors: those of Owner.Register.
func (b *Binder) Bind(name []byte, target Target) error {
	m := &membership{target: target, place: -1}
	b.mu.Lock()
	defer b.mu.Unlock()
	if err := b.owner.Register(name, m); err != nil {
		return err
	}
	b.bound[m] = struct{}{}
	b.router.bound.add(m)
	return nil
}

// Unbind ends what Bind began.
//
// Errors: ErrNotFound.
func (b *Binder) Unbind(name []byte) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	e := b.router.names.Lookup(name)
	if e == nil {
		return fmt.Errorf("%w: %q", ErrNotFound, clip(string(name)))
	}
	m := e.Value
	if err := b.owner.Unregister(name); err != nil {
		return err
	}
	delete(b.bound, m)
	b.router.bound.remove(m)
	return nil
}

// Drop ends all that the binder has bound, and returns how many names that
// were. Binding is refused from then on.
func (b *Binder) Drop() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	n := b.owner.Drop()
	for m := range b.bound {
		b.router.bound.remove(m)
	}
	b.bound = nil
	return n
}

// Route delivers message to the target of name. message is not kept.
//
// Errors: ErrNotFound if nobody has the name, and what the target says, such
// as ErrGone: the caller always learns that a message went nowhere.
//
// Hot path: no allocation, no lock.
func (r *Router) Route(name, message []byte) error {
	e := r.names.Lookup(name)
	if e == nil {
		return ErrNotFound
	}
	return e.Value.target.Deliver(message)
}

// Broadcast delivers message once for each name that is bound, and returns how
// many targets took it and how many refused. It costs time in proportion to
// the names there are, and waits for nobody.
func (r *Router) Broadcast(message []byte) (delivered, refused int) {
	return r.bound.deliver(message)
}

// Len returns the number of names.
func (r *Router) Len() int { return r.names.Len() }
