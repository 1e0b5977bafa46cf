package registry

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
)

// Errors of subscribing beside ErrFull, ErrNameTooLong and ErrExists.
var (
	// ErrSubscriberFull says that a subscriber has as many subscriptions as one
	// may have.
	ErrSubscriberFull = errors.New("registry: subscriber has too many subscriptions")
)

// Defaults of TopicsOptions.
const (
	DefaultMaxSubscriptions  = 1 << 20
	DefaultMaxPerSubscriber  = 1000
	DefaultMaxTopicNameBytes = 4096
)

// TopicsOptions bounds a Topics; the zero value is usable.
type TopicsOptions struct {
	MaxSubscriptions int // Of all subscribers. Zero: 1,048,576. Beyond it: ErrFull.
	MaxPerSubscriber int // Of one. Zero: 1,000. Beyond it: ErrSubscriberFull.
	MaxNameSize      int // Bytes of a topic's name. Zero: 4,096. Beyond it: ErrNameTooLong.
}

// Topics delivers what is published under a name to all who subscribed to it,
// such as the updates of a resource. A topic exists while it has subscribers.
// Safe from any goroutine.
type Topics struct {
	opts    TopicsOptions
	topics  *Table[*topic]
	owner   *Owner[*topic]
	count   atomic.Int64
	refused atomic.Uint64
}

// topic is the subscribers of one name.
type topic struct {
	name string
	mu   sync.Mutex // protects dead, and joining against dying
	dead bool       // no longer in the table
	set  set
}

// NewTopics returns a Topics without topics.
func NewTopics(o TopicsOptions) *Topics {
	if o.MaxSubscriptions <= 0 {
		o.MaxSubscriptions = DefaultMaxSubscriptions
	}
	if o.MaxPerSubscriber <= 0 {
		o.MaxPerSubscriber = DefaultMaxPerSubscriber
	}
	if o.MaxNameSize <= 0 {
		o.MaxNameSize = DefaultMaxTopicNameBytes
	}
	t := &Topics{opts: o, topics: NewTable[*topic](TableOptions{
		MaxEntries: o.MaxSubscriptions, MaxPerOwner: o.MaxSubscriptions, MaxNameSize: o.MaxNameSize,
	})}
	t.owner = t.topics.NewOwner()
	return t
}

// Subscriber is a target with its subscriptions, which go with it. Its methods
// are safe from any goroutine.
type Subscriber struct {
	topics  *Topics
	target  Target
	mu      sync.Mutex // protects what follows; locked before a topic
	joined  map[*topic]*membership
	dropped bool
}

// NewSubscriber returns a subscriber to nothing.
func (t *Topics) NewSubscriber(target Target) *Subscriber {
	return &Subscriber{topics: t, target: target, joined: map[*topic]*membership{}}
}

// Subscribe has what is published under name delivered to the subscriber's
// target. The name is copied.
//
// Errors: ErrExists (subscribed already), ErrFull, ErrSubscriberFull,
// ErrNameTooLong, ErrOwnerDropped.
func (s *Subscriber) Subscribe(name []byte) error {
	t := s.topics
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.dropped {
		return ErrOwnerDropped
	}
	if e := t.topics.Lookup(name); e != nil && s.joined[e.Value] != nil {
		return fmt.Errorf("%w: %q", ErrExists, clip(string(name)))
	}
	if len(s.joined) >= t.opts.MaxPerSubscriber {
		t.refused.Add(1)
		return fmt.Errorf("%w: %d", ErrSubscriberFull, len(s.joined))
	}
	if n := t.count.Add(1); n > int64(t.opts.MaxSubscriptions) {
		t.count.Add(-1)
		t.refused.Add(1)
		return fmt.Errorf("%w: %d subscriptions", ErrFull, t.opts.MaxSubscriptions)
	}
	for {
		p, err := t.get(name)
		if err != nil {
			t.count.Add(-1)
			t.refused.Add(1)
			return err
		}
		p.mu.Lock()
		if p.dead {
			p.mu.Unlock()
			continue // its last subscriber left just then; another takes its place
		}
		m := &membership{target: s.target, place: -1}
		p.set.add(m)
		s.joined[p] = m
		p.mu.Unlock()
		return nil
	}
}

// get returns the topic of a name, made if need be.
func (t *Topics) get(name []byte) (*topic, error) {
	for {
		if e := t.topics.Lookup(name); e != nil {
			return e.Value, nil
		}
		p := &topic{name: string(name)}
		switch err := t.owner.Register(name, p); {
		case err == nil:
			return p, nil
		case !errors.Is(err, ErrExists):
			return nil, err
		}
	}
}

// Unsubscribe ends one subscription.
//
// Errors: ErrNotFound.
func (s *Subscriber) Unsubscribe(name []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if e := s.topics.topics.Lookup(name); e != nil {
		if m := s.joined[e.Value]; m != nil {
			s.leave(e.Value, m)
			return nil
		}
	}
	return fmt.Errorf("%w: %q", ErrNotFound, clip(string(name)))
}

// leave ends a subscription, and the topic with its last one. The caller holds
// s.mu.
func (s *Subscriber) leave(p *topic, m *membership) {
	t := s.topics
	delete(s.joined, p)
	t.count.Add(-1)
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.set.remove(m) == 0 {
		p.dead = true
		_ = t.owner.Unregister([]byte(p.name)) // it is there until now
	}
}

// Drop ends all subscriptions and returns how many there were. Subscribing is
// refused from then on.
func (s *Subscriber) Drop() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.dropped = true
	n := len(s.joined)
	for p, m := range s.joined {
		s.leave(p, m)
	}
	return n
}

// Len returns how many subscriptions the subscriber has.
func (s *Subscriber) Len() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.joined)
}

// Publish delivers message to each subscriber of name at this moment, once, and
// returns how many targets took it and how many refused. message is not kept:
// it is encoded once, however many there are. No lock is held meanwhile, so
// targets may subscribe and leave.
//
// Hot path: no allocation, no lock, unless the topic's subscribers have changed
// since the last time.
func (t *Topics) Publish(name, message []byte) (delivered, refused int) {
	e := t.topics.Lookup(name)
	if e == nil {
		return 0, 0
	}
	return e.Value.set.deliver(message)
}

// Len returns the number of topics, Subscriptions that of subscriptions.
func (t *Topics) Len() int { return t.topics.Len() }

// Subscriptions returns the number of subscriptions.
func (t *Topics) Subscriptions() int { return int(t.count.Load()) }

// Refused returns how many subscriptions a limit has refused.
func (t *Topics) Refused() uint64 { return t.refused.Load() }
