package tlsconn

import (
	"bytes"
	"crypto/tls"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"time"
)

// cuts are ways in which ciphertext comes.
var cuts = []struct {
	name string
	cut  func([]byte) int
}{
	{"whole", nil},
	{"bytes", func([]byte) int { return 1 }},
	{"sevens", func([]byte) int { return 7 }},
	{"1400", func([]byte) int { return 1400 }},
}

// A message of any size comes through and back, in whatever pieces its
// ciphertext comes, by each version and suite.
func TestEcho(t *testing.T) {
	for _, v := range []struct {
		name    string
		version uint16
		suites  []uint16
	}{
		{"1.3", tls.VersionTLS13, []uint16{0}},
		{"1.2", tls.VersionTLS12, []uint16{tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, tls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384, tls.TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256}},
	} {
		for _, suite := range v.suites {
			for _, cut := range cuts {
				t.Run(v.name+"/"+tls.CipherSuiteName(suite)+"/"+cut.name, func(t *testing.T) {
					r := newRig(t, GateOptions{})
					o := r.owner()
					o.cut = cut.cut
					o.start()
					config := r.client()
					config.MaxVersion, config.CipherSuites = v.version, []uint16{suite}
					if suite == 0 {
						config.CipherSuites = nil
					}
					c := o.dial(config)
					big := 300_000
					if cut.name == "bytes" {
						big = 40_000
					}
					for _, n := range []int{1, 100, 16384, 16385, big} {
						exchange(t, c, bytes.Repeat([]byte("g"), n))
					}
					if cs := c.ConnectionState(); cs.Version != v.version || suite != 0 && cs.CipherSuite != suite {
						t.Errorf("version %x, suite %x", cs.Version, cs.CipherSuite)
					}
					o.finish()
					if o.err != nil || !slices.Equal(o.events, []Event{Established}) {
						t.Errorf("events %v, error %v", o.events, o.err)
					}
				})
			}
		}
	}
}

// Two pieces, cut at each byte of a connection's beginning: nothing is lost,
// whether the cut lies in the header, the hello, the Finished or the message.
func TestCutAnywhere(t *testing.T) {
	r := newRig(t, GateOptions{})
	message := []byte("a message that comes with the handshake")
	for at := 1; ; at += 13 {
		o := r.owner()
		seen, cut := 0, false
		o.cut = func(b []byte) int {
			if cut || seen+len(b) <= at {
				seen += len(b)
				return len(b)
			}
			cut = true
			n := at - seen
			seen = at
			return max(n, 1)
		}
		o.start()
		c := o.dial(r.client())
		exchange(t, c, message)
		o.finish()
		if o.err != nil {
			t.Fatalf("cut at %d: %v", at, o.err)
		}
		if !cut {
			if at < 1000 {
				t.Fatalf("only %d bytes were sent", seen)
			}
			return
		}
	}
}

// withholding gathers what a client writes until it is let go: the last of its
// handshake and its first message arrive in one piece.
type withholding struct {
	end
	hold bool
	held []byte
}

func (w *withholding) Write(b []byte) (int, error) {
	if w.hold {
		w.held = append(w.held, b...)
		return len(b), nil
	}
	return w.end.Write(b)
}

// A first message in the segment that ends the handshake is served at once, with
// nothing coming behind it.
func TestFirstMessageWithHandshake(t *testing.T) {
	for _, version := range []uint16{tls.VersionTLS13, tls.VersionTLS12} {
		for _, big := range []int{20, 100_000} {
			r := newRig(t, GateOptions{})
			o := r.owner().start()
			config := r.client()
			config.MaxVersion = version
			w := &withholding{end: o.end}
			c := tls.Client(w, config)
			_ = c.SetDeadline(time.Now().Add(patience))
			message := bytes.Repeat([]byte("m"), big)
			if version == tls.VersionTLS13 {
				// The client's last flight is written when the handshake ends.
				config.VerifyConnection = func(tls.ConnectionState) error { w.hold = true; return nil }
			}
			if err := c.Handshake(); err != nil {
				t.Fatal(err)
			}
			w.hold = true
			if _, err := c.Write(message); err != nil {
				t.Fatal(err)
			}
			if version == tls.VersionTLS13 && len(w.held) < big+30 {
				t.Fatalf("the last flight was not withheld: %d bytes", len(w.held))
			}
			w.hold = false
			if _, err := w.end.Write(w.held); err != nil {
				t.Fatal(err)
			}
			got := make([]byte, big)
			if _, err := io.ReadFull(c, got); err != nil || !bytes.Equal(got, message) {
				t.Fatalf("version %x, %d bytes: %v", version, big, err)
			}
			o.finish()
		}
	}
}

// close_notify of the peer's comes behind its data, also in the same read, and
// what it asked for is still answered; ours reaches it.
func TestCloseNotify(t *testing.T) {
	for _, version := range []uint16{tls.VersionTLS13, tls.VersionTLS12} {
		r := newRig(t, GateOptions{})
		o := r.owner()
		o.closed = func(o *owner, ev Event, eof bool) {
			if ev == End {
				if err := o.s.Seal([]byte(" and more")); err != nil {
					t.Error(err)
				}
				o.s.CloseNotify()
				o.s.CloseNotify() // once more does nothing
				o.send()
				if err := o.s.Seal([]byte("too late")); err == nil {
					t.Error("sealed behind close_notify")
				}
			}
		}
		o.start()
		w := &withholding{end: o.end}
		config := r.client()
		config.MaxVersion = version
		c := tls.Client(w, config)
		_ = c.SetDeadline(time.Now().Add(patience))
		if err := c.Handshake(); err != nil {
			t.Fatal(err)
		}
		w.hold = true
		_, _ = c.Write([]byte("the last"))
		if err := c.CloseWrite(); err != nil {
			t.Fatal(err)
		}
		w.hold = false
		_, _ = w.end.Write(w.held)
		got, err := io.ReadAll(c) // EOF by close_notify; without it the test would run into its deadline
		if err != nil || string(got) != "the last and more" {
			t.Errorf("version %x: %q, %v", version, got, err)
		}
		o.finish()
		if !slices.Equal(o.events, []Event{Established, End}) || r.opts.Gate.Stats.Snapshot().Truncated != 0 {
			t.Errorf("events %v", o.events)
		}
	}
}

// A connection that ends without close_notify is known from one that does not.
func TestTruncated(t *testing.T) {
	r := newRig(t, GateOptions{})
	o := r.owner()
	ended := make(chan bool, 1)
	o.closed = func(o *owner, ev Event, eof bool) { ended <- o.s.Ended() }
	o.start()
	c := o.dial(r.client())
	exchange(t, c, []byte("hello"))
	o.end.out.close()
	if <-ended {
		t.Error("it counts as ended by the peer")
	}
	<-o.done
	if n := r.opts.Gate.Stats.Snapshot().Truncated; n != 1 {
		t.Errorf("truncated: %d", n)
	}
}

// A client that has sent no share of a key for our groups is asked for one, and
// says its hello once more.
func TestHelloRetry(t *testing.T) {
	r := newRig(t, GateOptions{})
	r.opts.Config.CurvePreferences = []tls.CurveID{tls.CurveP256}
	o := r.owner()
	retried := make(chan bool, 1)
	o.data = func(o *owner, plain []byte) { retried <- o.s.State().HelloRetryRequest }
	o.start()
	c := o.dial(r.client()) // it sends shares of X25519MLKEM768 and X25519
	_, _ = c.Write([]byte("x"))
	if !<-retried {
		t.Error("it was not asked")
	}
}

// What the handshake has settled reaches the owner.
func TestState(t *testing.T) {
	r := newRig(t, GateOptions{})
	r.opts.Config = NewConfig(devIdentity(), tls.VersionTLS13, "h2", "http/1.1")
	o := r.owner()
	state := make(chan *tls.ConnectionState, 1)
	o.data = func(o *owner, plain []byte) {
		if o.s.Protocol() != "http/1.1" || o.s.Took() <= 0 {
			t.Errorf("protocol %q, took %v", o.s.Protocol(), o.s.Took())
		}
		state <- o.s.State()
	}
	o.start()
	if o.s.State() != nil || o.s.Protocol() != "" {
		t.Error("a state before the handshake")
	}
	config := r.client()
	config.NextProtos = []string{"http/1.1"}
	c := o.dial(config)
	_, _ = c.Write([]byte("x"))
	cs := <-state
	if cs.Version != tls.VersionTLS13 || cs.ServerName != "localhost" || cs.CurveID != tls.X25519MLKEM768 || cs.DidResume || len(cs.PeerCertificates) != 0 || cs.NegotiatedProtocol != "http/1.1" {
		t.Errorf("%+v", cs)
	}
	o.finish()
	s := r.opts.Gate.Stats.Snapshot()
	if s.Done != 1 || s.By[0][indexOf(Suites[:], cs.CipherSuite)] != 1 || s.Resumed != 0 || s.Duration <= 0 || sum(s.Buckets[:]) != 1 || sum(s.Failed[:]) != 0 {
		t.Errorf("%+v", s)
	}
}

func sum(all []uint64) (n uint64) {
	for _, x := range all {
		n += x
	}
	return n
}

// A peer whose first bytes are no ClientHello is refused by the first that is
// wrong, with an alert, and costs no goroutine and no place at the Gate.
func TestNotTLS(t *testing.T) {
	for _, tc := range []struct{ name, in, want string }{
		{"http", "GET / HTTP/1.1\r\n", "in the clear: G"},
		{"json", `{"jsonrpc":"2.0"}` + "\n", "in the clear: {"},
		{"zeroes", "\x00\x00\x00", "\x15\x03\x01\x00\x02\x02\x0a"},
		{"ssl2", "\x80\x2e\x01\x00\x02", "\x15\x03\x01\x00\x02\x02\x46"},
		{"other major", "\x16\x02\x00", "\x15\x03\x01\x00\x02\x02\x0a"},
		{"application data", "\x17\x03\x03\x00\x10", "\x15\x03\x01\x00\x02\x02\x0a"},
		{"alert", "\x15\x03\x03\x00\x02\x02\x00", "\x15\x03\x01\x00\x02\x02\x0a"},
		{"empty record", "\x16\x03\x01\x00\x00", "\x15\x03\x01\x00\x02\x02\x0a"},
		{"too long", "\x16\x03\x01\x40\x01", "\x15\x03\x01\x00\x02\x02\x0a"},
		{"not a hello", "\x16\x03\x01\x00\x10\x02", "\x15\x03\x01\x00\x02\x02\x0a"},
	} {
		for _, cut := range cuts[:2] {
			t.Run(tc.name+"/"+cut.name, func(t *testing.T) {
				r := newRig(t, GateOptions{})
				r.opts.NotTLS = func(first byte) []byte {
					if first == 'G' || first == '{' {
						return append([]byte("in the clear: "), first)
					}
					return nil
				}
				o := r.owner()
				o.cut = cut.cut
				o.start()
				_, _ = o.end.Write([]byte(tc.in))
				got := make([]byte, len(tc.want))
				_, err := io.ReadFull(o.end, got)
				if err != nil || string(got) != tc.want {
					t.Errorf("%q, %v", got, err)
				}
				o.finish()
				if !errors.Is(o.err, ErrNotTLS) || !slices.Equal(o.events, []Event{Failed}) || r.opts.Gate.InFlight() != 0 {
					t.Errorf("events %v, error %v", o.events, o.err)
				}
				if s := r.opts.Gate.Stats.Snapshot(); s.Failed[FailedNotTLS] != 1 || sum(s.Failed[:]) != 1 {
					t.Errorf("%v", s.Failed)
				}
			})
		}
	}
}

// A hello that crypto/tls refuses is answered with its alert, all of it, before
// the Session is closed.
func TestHandshakeRefused(t *testing.T) {
	garbled := "\x16\x03\x01\x00\x08\x01\x00\x00\x04abcd"
	for _, tc := range []struct {
		name  string
		dial  func(o *owner) error
		alert string
	}{
		{"1.1", func(o *owner) error {
			c := o.r.client()
			c.MinVersion, c.MaxVersion = tls.VersionTLS10, tls.VersionTLS11
			return tls.Client(o.end, c).Handshake()
		}, "protocol version"},
		{"1.0", func(o *owner) error {
			c := o.r.client()
			c.MinVersion, c.MaxVersion = tls.VersionTLS10, tls.VersionTLS10
			return tls.Client(o.end, c).Handshake()
		}, "protocol version"},
		{"1.2 where 1.3 is promised", func(o *owner) error {
			o.r.opts.Config.MinVersion = tls.VersionTLS13
			c := o.r.client()
			c.MaxVersion = tls.VersionTLS12
			return tls.Client(o.end, c).Handshake()
		}, "protocol version"},
		{"CBC", func(o *owner) error {
			c := o.r.client()
			c.MaxVersion, c.CipherSuites = tls.VersionTLS12, []uint16{tls.TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA}
			return tls.Client(o.end, c).Handshake()
		}, "handshake failure"},
		{"P-521", func(o *owner) error {
			c := o.r.client()
			c.CurvePreferences = []tls.CurveID{tls.CurveP521}
			return tls.Client(o.end, c).Handshake()
		}, "handshake failure"},
		{"garbled", func(o *owner) error {
			_, _ = o.end.Write([]byte(garbled))
			got := make([]byte, 7)
			_, _ = io.ReadFull(o.end, got)
			if string(got) == "\x15\x03\x01\x00\x02\x02\x32" {
				return errors.New("decode_error")
			}
			return errors.New(string(got))
		}, "decode_error"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r := newRig(t, GateOptions{})
			o := r.owner().start()
			_ = o.end.SetDeadline(time.Now().Add(patience))
			if err := tc.dial(o); err == nil || !strings.Contains(err.Error(), tc.alert) {
				t.Errorf("error %v, want an alert %q", err, tc.alert)
			}
			o.finish()
			if s := r.opts.Gate.Stats.Snapshot(); s.Failed[FailedHandshake] != 1 || sum(s.Failed[:]) != 1 || s.Done != 0 {
				t.Errorf("%+v", s)
			}
		})
	}
}

// A panic in a function of the configuration ends one handshake, not the process.
func TestPanicInConfig(t *testing.T) {
	r := newRig(t, GateOptions{})
	r.opts.Config.GetCertificate = func(*tls.ClientHelloInfo) (*tls.Certificate, error) { panic("no such luck") }
	failed := make(chan error, 1)
	o := r.owner()
	o.closed = func(o *owner, ev Event, eof bool) { failed <- o.s.Err() }
	o.start()
	go func() { _ = tls.Client(o.end, r.client()).Handshake() }()
	if err := <-failed; !errors.Is(err, ErrPanic) || !strings.Contains(err.Error(), "no such luck") {
		t.Errorf("error %v", err)
	}
	o.finish()
}

// What the ClientHello was put together in is gone when the handshake is over. If this
// fails, crypto/tls has changed: a connection at rest holds more again, or hand.go is
// not needed any more.
func TestHandDropped(t *testing.T) {
	r := newRig(t, GateOptions{})
	o := r.owner()
	left := make(chan int, 1)
	o.data = func(o *owner, plain []byte) {
		if b := handOf(o.s.conn); b != nil {
			left <- b.Cap()
		} else {
			left <- -1
		}
	}
	o.start()
	c := o.dial(r.client())
	_, _ = c.Write([]byte("x"))
	if n := <-left; n != 0 {
		t.Errorf("a buffer of %d bytes is left (-1: there is no such buffer)", n)
	}
}
