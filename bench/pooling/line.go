package pooling

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"strconv"
	"time"

	"github.com/gannetmcp/gannet/engine/mcp"
)

// idDigits is how long the ids of requests are: fixed, so that a request is
// patched in place.
const idDigits = 12

// firstID is the first of them, so that none begins with 0.
const firstID = 100_000_000_000

// errWrongAnswer is an answer that is not what was asked for.
var errWrongAnswer = errors.New("pooling: a wrong answer")

// line is a connection that makes one kind of call, over and over, and knows the
// answer. It is for one goroutine at a time.
type line struct {
	conn    net.Conn
	in      *bufio.Reader
	next    uint64
	request []byte // with room for the id at idAt
	idAt    int
	lead    []byte // what an answer begins with, up to its id
	tail    []byte // what comes behind
	ping    []byte
}

// dialLine connects and opens.
func dialLine(ctx context.Context, target, text string, ms int) (*line, error) {
	u, err := url.Parse(target)
	if err != nil {
		return nil, fmt.Errorf("pooling: target: %w", err)
	}
	address := u.Host
	if u.Scheme == "unix" {
		address = u.Path
	}
	var d net.Dialer
	conn, err := d.DialContext(ctx, u.Scheme, address)
	if err != nil {
		return nil, fmt.Errorf("pooling: %w", err)
	}
	l := &line{conn: conn, in: bufio.NewReaderSize(conn, 4<<10+6*len(text)), next: firstID}
	stop := context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })
	err = l.open(text, ms)
	if !stop() && err == nil {
		err = context.Cause(ctx)
	}
	if err != nil {
		_ = conn.Close()
		return nil, err
	}
	return l, nil
}

// open initializes, and makes one call whose answer becomes what later ones are
// compared with; it must have the text in it.
func (l *line) open(text string, ms int) error {
	_, err := io.WriteString(l.conn, `{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"`+mcp.Revision20251125+
		`","capabilities":{},"clientInfo":{"name":"pooling","version":"1"}}}`+"\n")
	if err != nil {
		return err
	}
	answer, err := l.read()
	if err != nil {
		return err
	}
	if !bytes.Contains(answer, []byte(`"result"`)) {
		return fmt.Errorf("%w to initialize: %.200s", errWrongAnswer, answer)
	}
	if _, err := io.WriteString(l.conn, `{"jsonrpc":"2.0","method":"notifications/initialized"}`+"\n"); err != nil {
		return err
	}
	args := `{"text":` + strconv.Quote(text) + `}`
	if ms > 0 {
		args = `{"text":` + strconv.Quote(text) + `,"ms":` + strconv.Itoa(ms) + `}`
	}
	const before = `{"jsonrpc":"2.0","id":`
	id := strconv.FormatUint(l.next, 10)
	l.idAt = len(before)
	l.request = []byte(before + id + `,"method":"tools/call","params":{"name":"echo","arguments":` + args + "}}\n")
	l.ping = []byte(before + id + `,"method":"ping"}` + "\n")
	if _, err := l.conn.Write(l.request); err != nil {
		return err
	}
	if answer, err = l.read(); err != nil {
		return err
	}
	at := bytes.Index(answer, []byte(id))
	if at < 0 || !bytes.Contains(answer, []byte(text)) || !bytes.Contains(answer, []byte(`"result"`)) {
		return fmt.Errorf("%w to the first call: %.200s", errWrongAnswer, answer)
	}
	l.lead, l.tail = bytes.Clone(answer[:at]), bytes.Clone(answer[at+len(id):])
	return nil
}

// read returns one message, valid until the next.
func (l *line) read() ([]byte, error) {
	b, err := l.in.ReadSlice('\n')
	if err != nil {
		return nil, fmt.Errorf("pooling: reading: %w", err)
	}
	return b[:len(b)-1], nil
}

// number writes the next id into a message.
func (l *line) number(message []byte) {
	l.next++
	putID(message[l.idAt:l.idAt+idDigits], l.next)
}

// putID writes an id, in decimal.
func putID(to []byte, n uint64) {
	for i := len(to) - 1; i >= 0; i-- {
		to[i] = byte('0' + n%10)
		n /= 10
	}
}

// idOf takes the id out of an answer; ok is false if that is not what it should be
// but for the id.
//
// Hot path: no allocation.
func (l *line) idOf(b []byte) (id uint64, ok bool) {
	if len(b) != len(l.lead)+idDigits+len(l.tail) || !bytes.HasPrefix(b, l.lead) || !bytes.HasSuffix(b, l.tail) {
		return 0, false
	}
	for _, c := range b[len(l.lead) : len(l.lead)+idDigits] {
		if c < '0' || c > '9' {
			return 0, false
		}
		id = 10*id + uint64(c-'0')
	}
	return id, true
}

// call makes one call, until deadline, and compares the answer.
//
// Hot path: no allocation.
func (l *line) call(deadline time.Time) error {
	if err := l.conn.SetDeadline(deadline); err != nil {
		return err
	}
	l.number(l.request)
	if _, err := l.conn.Write(l.request); err != nil {
		return err
	}
	b, err := l.read()
	if err != nil {
		return err
	}
	if id, ok := l.idOf(b); !ok || id != l.next {
		return fmt.Errorf("%w: %.200s", errWrongAnswer, b)
	}
	return nil
}

// pingOnce asks whether the server is there.
func (l *line) pingOnce(ctx context.Context) error {
	deadline, ok := ctx.Deadline()
	if !ok {
		deadline = time.Now().Add(time.Minute)
	}
	if err := l.conn.SetDeadline(deadline); err != nil {
		return err
	}
	l.number(l.ping)
	if _, err := l.conn.Write(l.ping); err != nil {
		return err
	}
	b, err := l.read()
	if err == nil && !bytes.Contains(b, l.ping[l.idAt:l.idAt+idDigits]) {
		err = fmt.Errorf("%w to ping: %.200s", errWrongAnswer, b)
	}
	if errors.Is(err, os.ErrDeadlineExceeded) && ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return err
}

func (l *line) close() error { return l.conn.Close() }
