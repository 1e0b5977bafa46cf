package tlsconn

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"crypto/tls"
	"encoding/binary"
	"encoding/hex"
	"io"
	"strings"
	"testing"
	"time"
)

// peer is a client of TLS 1.3 that writes what records it likes, under the keys
// that crypto/tls has agreed on, and reads by crypto/tls.
type peer struct {
	t      testing.TB
	o      *owner
	c      *tls.Conn
	secret []byte
	seq    uint64
}

func newPeer(t testing.TB, o *owner) *peer {
	t.Helper()
	var log bytes.Buffer
	config := o.r.client()
	config.MinVersion, config.KeyLogWriter = tls.VersionTLS13, &log
	p := &peer{t: t, o: o, c: o.dial(config)}
	if p.c.ConnectionState().CipherSuite != tls.TLS_AES_128_GCM_SHA256 {
		t.Skip("crypto/tls prefers another suite on a machine without AES instructions")
	}
	for line := range strings.Lines(log.String()) {
		if f := strings.Fields(line); f[0] == "CLIENT_TRAFFIC_SECRET_0" {
			p.secret, _ = hex.DecodeString(f[2])
		}
	}
	if len(p.secret) != sha256.Size {
		t.Fatal("no secret")
	}
	return p
}

// expand is HKDF-Expand-Label (RFC 8446, section 7.1) without a context.
func (p *peer) expand(label string, n int) []byte {
	info := binary.BigEndian.AppendUint16(nil, uint16(n))
	info = append(info, byte(len("tls13 "+label)))
	info = append(info, "tls13 "+label+"\x00"...)
	b, err := hkdf.Expand(sha256.New, p.secret, string(info), n)
	if err != nil {
		p.t.Fatal(err)
	}
	return b
}

// record returns a record of a type inside.
func (p *peer) record(kind byte, payload []byte) []byte {
	block, err := aes.NewCipher(p.expand("key", 16))
	if err != nil {
		p.t.Fatal(err)
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		p.t.Fatal(err)
	}
	nonce := p.expand("iv", 12)
	for i, b := range binary.BigEndian.AppendUint64(nil, p.seq) {
		nonce[4+i] ^= b
	}
	p.seq++
	inner := append(append([]byte(nil), payload...), kind)
	n := len(inner) + aead.Overhead()
	head := []byte{23, 3, 3, byte(n >> 8), byte(n)}
	return aead.Seal(head, nonce, inner, head)
}

// update goes on to the next key.
func (p *peer) update() {
	p.secret = p.expand("traffic upd", sha256.Size)
	p.seq = 0
}

const (
	applicationData = 23
	handshakeRecord = 22
	alertRecord     = 21
)

func keyUpdate(requested byte) []byte { return []byte{24, 0, 0, 1, requested} }

func (p *peer) send(records ...[]byte) {
	_, _ = p.o.end.Write(bytes.Join(records, nil))
}

// wants reads what must come.
func (p *peer) wants(s string) {
	p.t.Helper()
	_ = p.c.SetReadDeadline(time.Now().Add(patience))
	b := make([]byte, len(s))
	if _, err := io.ReadFull(p.c, b); err != nil || string(b) != s {
		p.t.Errorf("%q, %v; want %q", b, err, s)
	}
}

// Keys are updated in either direction, by a message in one record or in several,
// cut anywhere; what is asked for is answered while reading, before what is
// sealed next.
func TestKeyUpdate(t *testing.T) {
	for _, requested := range []byte{0, 1} {
		for _, pieces := range []int{1, 2, 5} {
			for _, cut := range cuts[:3] {
				r := newRig(t, GateOptions{})
				o := r.owner()
				o.cut = cut.cut
				o.start()
				p := newPeer(t, o)
				p.send(p.record(applicationData, []byte("before ")))
				for range 3 {
					var records [][]byte
					for m, k := keyUpdate(requested), 0; k < pieces; k++ {
						records = append(records, p.record(handshakeRecord, m[k*5/pieces:(k+1)*5/pieces]))
					}
					p.update()
					p.send(append(records, p.record(applicationData, []byte("after ")))...)
				}
				p.wants("before after after after ")
				o.finish()
				if o.err != nil {
					t.Errorf("requested %d, %d pieces, %s: %v", requested, pieces, cut.name, o.err)
				}
			}
		}
	}
}

// What a peer may not do ends the connection, with an alert where the standard
// has one, and without waiting for what a wrong header promises.
func TestBadRecords(t *testing.T) {
	times := func(n int, f func() []byte) (b []byte) {
		for range n {
			b = append(b, f()...)
		}
		return b
	}
	for _, tc := range []struct {
		name  string
		in    func(p *peer) []byte
		error string
		alert string // that the client sees
	}{
		{"spoilt", func(p *peer) []byte { b := p.record(applicationData, []byte("x")); b[7] ^= 1; return b }, "bad record MAC", "bad record MAC"},
		{"header of 64 KiB alone", func(p *peer) []byte { return []byte{23, 3, 3, 255, 255} }, "oversized record", "record overflow"},
		{"beyond what TLS 1.3 allows", func(p *peer) []byte { return append([]byte{23, 3, 3, 0x41, 0x20}, make([]byte, 0x4120)...) }, "oversized record", "record overflow"},
		{"in the clear", func(p *peer) []byte { return []byte("GET / HTTP/1.1\r\n\r\n") }, "received record with version", "protocol version"},
		{"empty records", func(p *peer) []byte { return times(17, func() []byte { return p.record(applicationData, nil) }) }, "too many ignored records", "unexpected message"},
		{"key updates", func(p *peer) []byte {
			return times(17, func() []byte { b := p.record(handshakeRecord, keyUpdate(0)); p.update(); return b })
		}, "too many non-advancing records", "unexpected message"},
		{"key update of no kind", func(p *peer) []byte { return p.record(handshakeRecord, keyUpdate(2)) }, "", "error decoding message"},
		{"a second hello", func(p *peer) []byte { return p.record(handshakeRecord, []byte{1, 0, 0, 0}) }, "", "error decoding message"},
		{"a certificate", func(p *peer) []byte { return p.record(handshakeRecord, []byte{11, 0, 0, 4, 0, 0, 0, 0}) }, "unexpected handshake message", "unexpected message"},
		{"a handshake message of 16 MiB", func(p *peer) []byte { return p.record(handshakeRecord, []byte{24, 255, 255, 255}) }, "exceeds maximum", "internal error"},
		{"data inside a handshake message", func(p *peer) []byte {
			return append(p.record(handshakeRecord, keyUpdate(0)[:3]), p.record(applicationData, []byte("x"))...)
		}, "", "unexpected message"},
		{"no type", func(p *peer) []byte { return p.record(0, nil) }, "", "unexpected message"},
		{"their alert", func(p *peer) []byte { return p.record(alertRecord, []byte{2, 80}) }, "remote error: tls: internal error", ""},
	} {
		for _, cut := range cuts[:2] {
			t.Run(tc.name+"/"+cut.name, func(t *testing.T) {
				r := newRig(t, GateOptions{})
				o := r.owner()
				o.cut = cut.cut
				failed := make(chan struct{})
				o.closed = func(o *owner, ev Event, eof bool) {
					if ev == Failed {
						close(failed)
					}
				}
				o.start()
				p := newPeer(t, o)
				p.send(p.record(applicationData, []byte("good")))
				p.wants("good")
				p.send(tc.in(p))
				select {
				case <-failed:
				case <-time.After(patience):
					t.Fatal("nothing happens")
				}
				o.finish()
				if o.err == nil || !strings.Contains(o.err.Error(), tc.error) {
					t.Errorf("error %v, want %q", o.err, tc.error)
				}
				if _, err := p.c.Read(make([]byte, 1)); err == nil || !strings.Contains(err.Error(), tc.alert) {
					t.Errorf("the client sees %v, want %q", err, tc.alert)
				}
			})
		}
	}
}

// A peer that has keys updated over and over and reads nothing fills a bounded
// output, and is then dropped.
func TestOutputBound(t *testing.T) {
	r := newRig(t, GateOptions{})
	o := r.owner()
	most := 0
	failed := make(chan error, 1)
	o.data = func(o *owner, plain []byte) { most = max(most, len(o.s.Output())) }
	o.closed = func(o *owner, ev Event, eof bool) { failed <- o.s.Err() }
	o.start()
	p := newPeer(t, o)
	var all [][]byte
	for range outputMax/27 + 100 {
		all = append(all, p.record(handshakeRecord, keyUpdate(1)))
		p.update()
		all = append(all, p.record(applicationData, []byte("x")))
	}
	p.send(all...) // the owner sends only at the end of what it is fed
	if err := <-failed; err != ErrOutput {
		t.Errorf("it fails with %v", err)
	}
	o.finish()
	if most > outputMax || most < outputMax/2 {
		t.Errorf("%d bytes of output", most)
	}
}
