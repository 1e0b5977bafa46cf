package tlsconn

import (
	"crypto/tls"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

func TestMinVersion(t *testing.T) {
	for text, want := range map[string]uint16{"": tls.VersionTLS13, "1.3": tls.VersionTLS13, "1.2": tls.VersionTLS12, "1.1": 0, "1.0": 0, "TLS1.3": 0, "13": 0, " 1.3": 0} {
		if got, err := MinVersion(text); got != want || (err == nil) != (want != 0) {
			t.Errorf("%q: %x, %v", text, got, err)
		}
	}
}

// The suites of TLS 1.2 are those with ECDHE and an AEAD, and no others.
func TestSuites(t *testing.T) {
	got := NewConfig(devIdentity(), tls.VersionTLS12).CipherSuites
	if len(got) != 6 {
		t.Errorf("%d suites", len(got))
	}
	for _, id := range got {
		name := tls.CipherSuiteName(id)
		if !strings.HasPrefix(name, "TLS_ECDHE_") || !strings.Contains(name, "GCM") && !strings.Contains(name, "POLY1305") {
			t.Error(name)
		}
	}
	for _, s := range tls.InsecureCipherSuites() {
		if slices.Contains(got, s.ID) {
			t.Error(s.Name)
		}
	}
}

// Sessions are resumed by tickets, for a week, through the changes of key that
// crypto/tls makes every day.
func TestResumption(t *testing.T) {
	for _, version := range []uint16{tls.VersionTLS13, tls.VersionTLS12} {
		r := newRig(t, GateOptions{})
		var now atomic.Int64
		now.Store(time.Now().Unix())
		r.opts.Config = NewConfig(devIdentity(), tls.VersionTLS12)
		r.opts.Config.Time = func() time.Time { return time.Unix(now.Load(), 0) }
		config := r.client()
		config.MaxVersion = version
		config.Time = r.opts.Config.Time
		config.ClientSessionCache = tls.NewLRUClientSessionCache(1)
		resumed := uint64(0)
		for _, step := range []struct {
			later time.Duration
			want  bool
		}{
			{0, false}, {time.Minute, true}, {25 * time.Hour, true}, {5 * 24 * time.Hour, true}, {8 * 24 * time.Hour, false}, {time.Hour, true},
		} {
			now.Add(int64(step.later / time.Second))
			o := r.owner().start()
			c := o.dial(config)
			exchange(t, c, []byte("ticket, please")) // which comes with the answer
			if got := c.ConnectionState().DidResume; got != step.want {
				t.Errorf("%s, %v later: resumed %v", tls.VersionName(version), step.later, got)
			}
			if step.want {
				resumed++
			}
			o.finish()
		}
		if s := r.opts.Gate.Stats.Snapshot(); s.Resumed != resumed || s.Done != 6 {
			t.Errorf("%s: %d of %d resumed, want %d", tls.VersionName(version), s.Resumed, s.Done, resumed)
		}
	}
}
