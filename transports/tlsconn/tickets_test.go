package tlsconn

import (
	"bytes"
	"crypto/tls"
	"encoding/base64"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gannetmcp/gannet/transports/tlsconn/tlstest"
)

// ticketKey is a line of a file of keys.
func ticketKey(fill byte) string {
	return base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{fill}, 32))
}

func TestReadTicketKeys(t *testing.T) {
	name := filepath.Join(t.TempDir(), "keys")
	secret := "c2VjcmV0" // it must not be shown
	many := strings.Repeat(ticketKey(1)+"\n", maxTicketKeys)
	for _, tc := range []struct {
		name, in string
		want     string // the first bytes of the keys
		err      string
	}{
		{"one", ticketKey('a'), "a", ""},
		{"three", ticketKey('a') + "\n" + ticketKey('b') + "\n" + ticketKey('c') + "\n", "abc", ""},
		{"with remarks", "# 2026-11\n\n  " + ticketKey('a') + "\t\r\n#" + ticketKey('b') + "\n", "a", ""},
		{"as many as may be", many, strings.Repeat("\x01", maxTicketKeys), ""},
		{"one more", many + ticketKey(2), "", "more than 16"},
		{"nothing", "", "", "no key"},
		{"remarks alone", "# nothing\n", "", "no key"},
		{"no Base64", ticketKey('a') + "\n" + secret + "!\n", "", "line 2"},
		{"too short", secret, "", "line 1"},
		{"too long", ticketKey('a')[:43] + "A" + secret, "", "line 1"},
		{"31 bytes", base64.StdEncoding.EncodeToString(make([]byte, 31)), "", "line 1"},
		{"48 bytes", base64.StdEncoding.EncodeToString(make([]byte, 48)), "", "line 1"},
		{"URL-safe", strings.Repeat("_", 43) + "=", "", "line 1"},
		{"two on a line", ticketKey('a') + " " + ticketKey('b'), "", "line 1"},
		{"no lines", strings.Repeat("x", 100_000), "", "keys"},
	} {
		put(t, name, []byte(tc.in))
		keys, err := readTicketKeys(name)
		got := ""
		for _, k := range keys {
			got += string(k[:1])
		}
		if got != tc.want || (err == nil) != (tc.err == "") || err != nil && !strings.Contains(err.Error(), tc.err) {
			t.Errorf("%s: %q, %v", tc.name, got, err)
		}
		if err != nil && strings.Contains(err.Error(), secret) {
			t.Errorf("%s: what is in the file is shown: %v", tc.name, err)
		}
	}
	if _, err := readTicketKeys(name + "2"); err == nil || !strings.Contains(err.Error(), "no such file") {
		t.Errorf("no file: %v", err)
	}
}

// A session begun with one server is resumed by another that has its keys, whatever
// its certificate, and not by one that has others. A new key takes the place of the
// old one, whose tickets are taken as long as it is there. With authorities of
// clients all is the same.
func TestTicketKeys(t *testing.T) {
	ca := tlstest.NewAuthority(t, "authority")
	for _, version := range []uint16{tls.VersionTLS13, tls.VersionTLS12} {
		for _, mutual := range []bool{false, true} {
			dir := t.TempDir()
			keys, others := filepath.Join(dir, "keys"), filepath.Join(dir, "others")
			put(t, keys, []byte(ticketKey('a')))
			put(t, others, []byte(ticketKey('x')))
			r := newRig(t, GateOptions{})
			server := func(keys string) (*Identity, *tls.Config) {
				f := pair(t, t.TempDir())
				if f.TicketKeys = keys; mutual {
					f.ClientCA = ca.File
				}
				id, err := LoadIdentity(f)
				if err != nil {
					t.Fatal(err)
				}
				r.roots.AddCert(id.Certificate().Leaf)
				return id, NewConfig(id, tls.VersionTLS12)
			}
			cache := tls.NewLRUClientSessionCache(1)
			comes := func(step string, to *tls.Config, resumed bool) {
				t.Helper()
				r.opts.Config = to
				config := r.client()
				config.MaxVersion, config.ClientSessionCache = version, cache
				config.Certificates = []tls.Certificate{ca.Issue(t, "alice")}
				o := r.owner().start()
				c := o.dial(config)
				exchange(t, c, []byte("ticket, please"))
				if got := c.ConnectionState().DidResume; got != resumed {
					t.Errorf("%s, mutual %v, %s: resumed %v", tls.VersionName(version), mutual, step, got)
				}
				o.finish()
			}
			one, first := server(keys)
			_, second := server(keys)
			_, strange := server(others)
			_, none := server("")
			comes("the first time", first, false)
			comes("the second server", second, true)
			comes("one with other keys", strange, false)
			comes("back", first, false)
			comes("one without keys", none, false)
			comes("back again", first, false)
			put(t, keys, []byte(ticketKey('b')+"\n"+ticketKey('a')))
			if changed, err := one.ReloadChanged(); !changed || err != nil {
				t.Fatal(changed, err)
			}
			comes("by the old key", first, true)
			// The new ticket is of a key that the second has not heard of.
			comes("one that lags behind", second, false)
			comes("by the old key again", first, true)
			put(t, keys, []byte("no key"))
			if err := one.Reload(); err == nil || !strings.Contains(err.Error(), "line 1") {
				t.Errorf("no key: %v", err)
			}
			comes("the keys stay", first, true)
			put(t, keys, []byte(ticketKey('c')))
			if err := one.Reload(); err != nil {
				t.Fatal(err)
			}
			comes("neither key is there", first, false)
		}
	}
}
