package tlsconn

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"sync"
	"sync/atomic"
	"time"
)

// Files names the PEM files of a server's identity.
type Files struct {
	Cert     string // the certificate, then those between it and a root
	Key      string // its private key
	ClientCA string // the authorities of clients, who must show a certificate then; "" for none
	// TicketKeys has the keys of session tickets: on each line 32 bytes in Base64,
	// the first of which seals tickets, and all open them. Servers that share them
	// resume each other's sessions. "": crypto/tls makes some that nobody else has.
	TicketKeys string
	// SelfSigned has a certificate for development made: kept in Cert and Key if
	// neither is there, only in memory if they have no names.
	SelfSigned bool
}

// names returns all of them.
func (f *Files) names() [4]string { return [...]string{f.Cert, f.Key, f.ClientCA, f.TicketKeys} }

// Identity is the certificate that a server shows, whose clients it trusts, and
// whose tickets.
// It can be replaced while it is in use: handshakes that begin later have the new
// one, connections are left alone. Its methods are safe from any goroutine.
type Identity struct {
	files Files
	made  *tls.Certificate // in memory, if there are no files for it
	now   func() time.Time

	current atomic.Pointer[identity]

	mu     sync.Mutex // one Reload at a time; protects stamps
	stamps [4]stamp   // of what was last read, well or not
}

// identity is what an Identity holds at a time.
type identity struct {
	cert    *tls.Certificate
	cas     *x509.CertPool
	tickets [][32]byte
}

// stamp tells a file from what it was.
type stamp struct {
	modified time.Time
	size     int64
	file     fs.FileInfo // for os.SameFile: a file that was moved here
}

// LoadIdentity reads an Identity from files, which Reload reads again. Errors say
// which file is at fault, and what to do.
func LoadIdentity(f Files) (*Identity, error) {
	i := &Identity{files: f, now: time.Now}
	switch {
	case (f.Cert == "") != (f.Key == ""):
		return nil, errors.New("tlsconn: a certificate needs its private key, and the other way round; name both files")
	case f.SelfSigned:
		if err := i.makeSelfSigned(); err != nil {
			return nil, err
		}
	case f.Cert == "":
		return nil, errors.New("tlsconn: no certificate; name its file and that of its private key")
	}
	i.stamps = i.stat()
	cur, err := i.load()
	if err != nil {
		return nil, err
	}
	i.current.Store(cur)
	return i, nil
}

// load reads the files.
func (i *Identity) load() (*identity, error) {
	cur := &identity{cert: i.made}
	if i.made == nil {
		cert, err := tls.LoadX509KeyPair(i.files.Cert, i.files.Key)
		if err != nil {
			return nil, fmt.Errorf("tlsconn: %s with %s: %w; want PEM files of a certificate and of the private key that belongs to it", i.files.Cert, i.files.Key, err)
		}
		cur.cert = &cert
	}
	if i.files.TicketKeys != "" {
		keys, err := readTicketKeys(i.files.TicketKeys)
		if err != nil {
			return nil, err
		}
		cur.tickets = keys
	}
	if i.files.ClientCA == "" {
		return cur, nil
	}
	pem, err := os.ReadFile(i.files.ClientCA)
	if err != nil {
		return nil, fmt.Errorf("tlsconn: the authorities of clients: %w", err)
	}
	cur.cas = x509.NewCertPool()
	if !cur.cas.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("tlsconn: %s: there is no certificate in it; want a PEM file of the authorities that clients' certificates come from", i.files.ClientCA)
	}
	return cur, nil
}

// stat returns the stamps of the files; that of one which is not there is zero.
func (i *Identity) stat() (all [4]stamp) {
	for k, name := range i.files.names() {
		if name == "" {
			continue
		}
		if info, err := os.Stat(name); err == nil {
			all[k] = stamp{info.ModTime(), info.Size(), info}
		}
	}
	return all
}

// regular says which of the files as last looked at is none that can be read
// without waiting for somebody to write to it.
func (i *Identity) regular() error {
	for k, name := range i.files.names() {
		if info := i.stamps[k].file; info != nil && !info.Mode().IsRegular() {
			return fmt.Errorf("tlsconn: %s is no regular file", name)
		}
	}
	return nil
}

func (s stamp) same(t stamp) bool {
	return s.modified.Equal(t.modified) && s.size == t.size && (s.file == nil) == (t.file == nil) && (s.file == nil || os.SameFile(s.file, t.file))
}

// Reload reads the files again. What does not fit together, cannot be read or is
// not valid now is not taken: the error says why, and the Identity stays as it
// was.
func (i *Identity) Reload() error {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.stamps = i.stat()
	return i.replace()
}

// ReloadChanged is Reload if a file is another than it was when it was last read.
// It costs a stat for each.
func (i *Identity) ReloadChanged() (changed bool, err error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	now := i.stat()
	for k := range now {
		changed = changed || !now[k].same(i.stamps[k])
	}
	if !changed {
		return false, nil
	}
	i.stamps = now
	return true, i.replace()
}

// replace takes what the files hold. i.mu is locked.
func (i *Identity) replace() error {
	var cur *identity
	err := i.regular()
	if err == nil {
		cur, err = i.load()
	}
	if err == nil {
		err = validAt(cur.cert, i.now())
	}
	if err != nil {
		return fmt.Errorf("%w; the certificate in use stays", err)
	}
	i.current.Store(cur)
	return nil
}

// validAt says what is wrong with the time of a certificate.
func validAt(c *tls.Certificate, now time.Time) error {
	switch {
	case now.After(c.Leaf.NotAfter):
		return fmt.Errorf("tlsconn: the certificate has expired at %v; renew it", c.Leaf.NotAfter.Format(time.RFC3339))
	case now.Before(c.Leaf.NotBefore):
		return fmt.Errorf("tlsconn: the certificate is not valid before %v; is the clock right?", c.Leaf.NotBefore.Format(time.RFC3339))
	}
	return nil
}

// Valid returns an error if clients will refuse the certificate because of its
// dates.
func (i *Identity) Valid() error {
	c := i.current.Load().cert
	if c.Leaf == nil {
		return nil
	}
	return validAt(c, i.now())
}

// Certificate returns the certificate in use, which must not be changed.
func (i *Identity) Certificate() *tls.Certificate { return i.current.Load().cert }

// GetCertificate is what a tls.Config wants.
func (i *Identity) GetCertificate(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	return i.current.Load().cert, nil
}

// configs makes a configuration follow the authorities and the keys of tickets of
// an Identity.
type configs struct {
	id   *Identity
	base *tls.Config
	last atomic.Pointer[configOf]
}

// configOf is the configuration for what an Identity held.
type configOf struct {
	cur    *identity
	config *tls.Config
}

// forClient is what a tls.Config wants as GetConfigForClient.
func (c *configs) forClient(*tls.ClientHelloInfo) (*tls.Config, error) {
	cur := c.id.current.Load()
	if last := c.last.Load(); last != nil && last.cur == cur {
		return last.config, nil
	}
	config := c.base.Clone()
	config.ClientCAs = cur.cas
	if cur.tickets != nil {
		config.SetSessionTicketKeys(cur.tickets)
	}
	c.last.Store(&configOf{cur, config}) // two at once make the same
	return config, nil
}
