package tlsconn

import (
	"bufio"
	"encoding/base64"
	"fmt"
	"io"
	"os"
	"strings"
)

// maxTicketKeys bounds the keys of a file: each is tried for a ticket that none of
// them has sealed.
const maxTicketKeys = 16

// readTicketKeys reads the keys of session tickets: on each line one, 32 bytes in
// Base64, as `openssl rand -base64 32` makes it; empty lines and those that begin
// with # are passed over. The first one seals, all open. Errors do not show what
// is in the file.
func readTicketKeys(name string) (keys [][32]byte, err error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, fmt.Errorf("tlsconn: the keys of session tickets: %w", err)
	}
	defer f.Close()
	lines := bufio.NewScanner(io.LimitReader(f, 64<<10))
	for n := 1; lines.Scan(); n++ {
		text := strings.TrimSpace(lines.Text())
		if text == "" || text[0] == '#' {
			continue
		}
		b, err := base64.StdEncoding.DecodeString(text)
		switch {
		case err != nil || len(b) != 32:
			return nil, fmt.Errorf("tlsconn: %s: line %d is no key of session tickets; want 32 bytes in Base64, as `openssl rand -base64 32` makes them", name, n)
		case len(keys) == maxTicketKeys:
			return nil, fmt.Errorf("tlsconn: %s: more than %d keys of session tickets; leave out the oldest, a ticket lives for a week", name, maxTicketKeys)
		}
		keys = append(keys, [32]byte(b))
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("tlsconn: %s: %w", name, err)
	}
	if len(keys) == 0 {
		return nil, fmt.Errorf("tlsconn: %s: there is no key of session tickets in it; `openssl rand -base64 32` makes one", name)
	}
	return keys, nil
}
