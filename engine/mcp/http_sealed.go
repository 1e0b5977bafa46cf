package mcp

import (
	"bytes"
	"crypto/cipher"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"time"
	"weak"
)

// A sealed session id carries what initialize has settled, so that the session
// can be taken up again by another process, or by this one after it was idle. It
// is sealed by AES-256-GCM, and holds for one principal and a time.
//
//	base64url( nonce | seal( end, unix seconds, 8 | random, 16 | SHA-256 of the principal, 32 | JSON ) )

const (
	sealedHead     = 8 + 16 + sha256.Size
	sealedBytesMax = 4 << 10 // of an id
)

// sealedJSON is what is inside behind the head.
type sealedJSON struct {
	Revision string       `json:"r"`
	Name     string       `json:"n,omitempty"`
	Version  string       `json:"v,omitempty"`
	Caps     capabilities `json:"c,omitempty"`
}

// sealedSessions makes and opens sealed ids.
type sealedSessions struct {
	sealers []cipher.AEAD
	ttl     time.Duration
}

// init readies it; without keys there are no sealed ids.
func (ss *sealedSessions) init(o *HTTPOptions) {
	if len(o.SessionKeys) > 0 {
		ss.sealers, ss.ttl = newSealers("session", o.SessionKeys), o.SessionTTL
	}
}

// seal returns an id of a session with this record.
func (ss *sealedSessions) seal(r *record, principal string) (string, error) {
	inside, err := json.Marshal(sealedJSON{Revision: r.rev.name, Name: r.clientName, Version: r.clientVersion, Caps: r.caps})
	if err != nil {
		return "", err
	}
	plain := binary.BigEndian.AppendUint64(nil, uint64(time.Now().Add(ss.ttl).Unix()))
	var random [16]byte
	_, _ = rand.Read(random[:]) // never fails
	digest := sha256.Sum256([]byte(principal))
	plain = append(append(append(plain, random[:]...), digest[:]...), inside...)
	aead := ss.sealers[0]
	sealed := make([]byte, aead.NonceSize(), aead.NonceSize()+len(plain)+aead.Overhead())
	_, _ = rand.Read(sealed)
	return stateEncoding.EncodeToString(aead.Seal(sealed, sealed, plain, nil)), nil
}

// open returns what is in an id, and when it ends; nil if it is none of ours,
// another's, or has ended.
func (ss *sealedSessions) open(id []byte, principal string) (*record, time.Time) {
	if len(ss.sealers) == 0 || len(id) > sealedBytesMax {
		return nil, time.Time{}
	}
	sealed, err := stateEncoding.AppendDecode(nil, id)
	if err != nil || stateEncoding.EncodeToString(sealed) != string(id) {
		return nil, time.Time{} // in another spelling it would be the id of another session
	}
	plain, err := unseal(ss.sealers, sealed)
	if err != nil || len(plain) < sealedHead {
		return nil, time.Time{}
	}
	end := time.Unix(int64(binary.BigEndian.Uint64(plain)), 0)
	digest := sha256.Sum256([]byte(principal))
	if !time.Now().Before(end) || !bytes.Equal(plain[8+16:sealedHead], digest[:]) {
		return nil, time.Time{}
	}
	var j sealedJSON
	if json.Unmarshal(plain[sealedHead:], &j) != nil {
		return nil, time.Time{}
	}
	rev := revisionOf(j.Revision)
	if rev == nil || rev.modern {
		return nil, time.Time{}
	}
	return &record{rev: rev, clientName: j.Name, clientVersion: j.Version, caps: j.Caps}, end
}

// nameSession gives the session its id, once its record is there, and tells the
// client.
func (h *httpConn) nameSession(hs *httpSession) error {
	st := &h.server.sessions
	if len(st.sealed.sealers) > 0 {
		id, err := st.sealed.seal(hs.record.Load(), hs.principal)
		if err != nil {
			return err
		}
		hs.end = time.Now().Add(st.sealed.ttl)
		st.rename(hs, id)
	}
	h.header(headerSession, hs.id)
	return nil
}

// find returns the session of an id, nil if there is none. One whose id is
// sealed is taken up again, if there is room.
func (h *httpConn) find(id []byte) *httpSession {
	st := &h.server.sessions
	hs := h.last.Value()
	if hs == nil || hs.id != string(id) || hs.gone.Load() {
		if hs = st.find(id); hs != nil {
			h.last = weak.Make(hs)
		}
	}
	switch {
	case hs == nil:
	case !hs.end.IsZero() && !time.Now().Before(hs.end):
		return nil // the next sweep ends it
	default:
		return hs
	}
	r, end := st.sealed.open(id, h.principal)
	if r == nil {
		return nil
	}
	return st.reopen(h.server, string(id), h.principal, r, end)
}

// rename gives a session another id.
func (st *sessionTable) rename(hs *httpSession, id string) {
	st.mu.Lock()
	defer st.mu.Unlock()
	if st.byID[hs.id] == hs {
		delete(st.byID, hs.id)
		hs.id = id
		st.byID[id] = hs
	}
}

// reopen takes up a session of a sealed id.
func (st *sessionTable) reopen(s *Server, id, principal string, r *record, end time.Time) *httpSession {
	hs := newHTTPSession(s, principal)
	hs.id, hs.end = id, end
	hs.record.Store(r)
	// Ids of events that were given before, or are given by another process, must
	// not name streams of this one.
	var random [8]byte
	_, _ = rand.Read(random[:]) // never fails
	hs.lastStream = binary.BigEndian.Uint64(random[:]) >> 1
	st.mu.Lock()
	defer st.mu.Unlock()
	if there := st.byID[id]; there != nil {
		return there // another request of its was faster
	}
	if _, over := st.over[id]; over || !st.room(s) {
		return nil
	}
	st.insert(s, hs)
	return hs
}

// bury ends a session for good: its id is not taken again, by this process,
// before it has run out. Of those that ended longest ago some are forgotten when
// there are more than there may be sessions.
func (st *sessionTable) bury(s *Server, hs *httpSession) {
	if len(st.sealed.sealers) > 0 {
		st.refuse(s, hs) // first, so that nobody takes it up between
	}
	st.end(hs)
}

// refuse has the id of a session not taken again.
func (st *sessionTable) refuse(s *Server, hs *httpSession) {
	st.mu.Lock()
	defer st.mu.Unlock()
	if st.over == nil {
		st.over = map[string]time.Time{}
	}
	now := time.Now()
	if len(st.over) >= s.opts.HTTP.MaxSessions {
		oldest, at := "", time.Time{}
		for id, t := range st.over {
			if !now.Before(t) {
				delete(st.over, id)
			} else if oldest == "" || t.Before(at) {
				oldest, at = id, t
			}
		}
		if len(st.over) >= s.opts.HTTP.MaxSessions {
			delete(st.over, oldest)
		}
	}
	st.over[hs.id] = now.Add(st.sealed.ttl)
}
