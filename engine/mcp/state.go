package mcp

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"slices"
	"time"

	"github.com/gannetmcp/gannet/codec"
)

// requestState is what a client of 2026-07-28 sends back with a request that it
// sends again. It is sealed by AES-256-GCM, since it comes from the peer: what
// is inside cannot be read or changed, and holds for one principal, one method,
// the same params, and a time.
//
//	base64url( nonce | seal( expiry, unix seconds, 8 | SHA-256 of what it is bound to, 32 | JSON ) )

// stateBytesMax bounds what is sealed.
const stateBytesMax = 64 << 10

// stateJSON is what is inside.
type stateJSON struct {
	Answers map[string]json.RawMessage `json:"a,omitempty"`
	State   []byte                     `json:"s"` // null for none, which is not the same as an empty one
}

var (
	errState      = invalidParams("requestState is not one that this server has given for this request, or has expired; send the request without it")
	stateEncoding = base64.RawURLEncoding
)

// newSealers returns a cipher for each key and one purpose; without keys, one
// for a random key.
func newSealers(purpose string, keys [][]byte) []cipher.AEAD {
	if len(keys) == 0 {
		key := make([]byte, 32)
		_, _ = rand.Read(key) // never fails
		keys = [][]byte{key}
	}
	var all []cipher.AEAD
	for _, key := range keys {
		sum := sha256.Sum256(append([]byte("gannet "+purpose+" 1\n"), key...))
		block, err := aes.NewCipher(sum[:])
		if err != nil {
			panic(err) // the key has the right size
		}
		aead, err := cipher.NewGCM(block)
		if err != nil {
			panic(err)
		}
		all = append(all, aead)
	}
	return all
}

const stateHead = 8 + sha256.Size

// seal returns the state that the client of c is to send back.
func (s *Server) seal(c *Call) ([]byte, error) {
	j := stateJSON{Answers: map[string]json.RawMessage{}, State: c.dialog.state}
	for key, v := range c.dialog.answers {
		j.Answers[key] = v.Raw()
	}
	inside, err := json.Marshal(j)
	if err != nil {
		return nil, err
	}
	if len(inside) > stateBytesMax {
		return nil, fmt.Errorf("mcp: the state of a request has %d bytes; %d are allowed", len(inside), stateBytesMax)
	}
	plain := binary.BigEndian.AppendUint64(nil, uint64(time.Now().Add(s.opts.StateTTL).Unix()))
	plain = append(c.stateBinding(plain), inside...)
	aead := s.sealers[0]
	sealed := make([]byte, aead.NonceSize(), aead.NonceSize()+len(plain)+aead.Overhead())
	_, _ = rand.Read(sealed)
	return stateEncoding.AppendEncode(nil, aead.Seal(sealed, sealed, plain, nil)), nil
}

// openState takes the state of a request that is sent again apart.
func (c *Call) openState() *Error {
	v, ok := c.engine.Params().Get("requestState")
	if !ok {
		return nil
	}
	text, err := v.Bytes(c.engine.Arena())
	if err != nil || len(text) > stateEncoding.EncodedLen(stateBytesMax+1024) {
		return c.refuseState()
	}
	sealed, err := stateEncoding.AppendDecode(nil, text)
	if err != nil {
		return c.refuseState()
	}
	plain, err := unseal(c.server.sealers, sealed)
	if err != nil || len(plain) < stateHead {
		return c.refuseState()
	}
	if time.Now().Unix() > int64(binary.BigEndian.Uint64(plain)) {
		return c.refuseState()
	}
	if !bytes.Equal(plain[8:stateHead], c.stateBinding(nil)) {
		return c.refuseState()
	}
	var j stateJSON
	if json.Unmarshal(plain[stateHead:], &j) != nil {
		return c.refuseState()
	}
	d := c.openDialog()
	d.state = j.State
	for key, raw := range j.Answers {
		d.answers[key] = codec.RawValue(raw)
	}
	return nil
}

// refuseState refuses a state that cannot be taken.
func (c *Call) refuseState() *Error {
	c.server.counters.statesRefused.Add(1)
	return errState
}

var errSeal = errors.New("mcp: sealed by none of the keys")

func unseal(sealers []cipher.AEAD, sealed []byte) ([]byte, error) {
	for _, aead := range sealers {
		if n := aead.NonceSize(); len(sealed) >= n {
			if plain, err := aead.Open(nil, sealed[:n], sealed[n:], nil); err == nil {
				return plain, nil
			}
		}
	}
	return nil, errSeal
}

// stateBinding appends the digest of what a state is bound to: who asks, the
// method, and all params but those that differ between rounds, as they are
// written, in the order of their names.
func (c *Call) stateBinding(b []byte) []byte {
	h := sha256.New()
	hashPart(h, []byte(c.Principal()))
	hashPart(h, c.Method())
	type member struct{ name, value []byte }
	var all []member
	for it := c.engine.Params().Members(); ; {
		key, v, more := it.Next()
		if !more {
			break
		}
		if key.Is("_meta") || key.Is("inputResponses") || key.Is("requestState") {
			continue
		}
		all = append(all, member{key.Raw(), v.Raw()})
	}
	slices.SortStableFunc(all, func(a, b member) int { return bytes.Compare(a.name, b.name) })
	for _, m := range all {
		hashPart(h, m.name)
		hashPart(h, m.value)
	}
	return h.Sum(b)
}

// hashPart adds b so that no two lists of parts look the same.
func hashPart(h hash.Hash, b []byte) {
	_, _ = h.Write(binary.BigEndian.AppendUint64(nil, uint64(len(b))))
	_, _ = h.Write(b)
}
