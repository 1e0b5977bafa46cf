package main

import (
	"bytes"
	"strconv"

	"github.com/panjf2000/gnet/v2"
)

var (
	headEnd    = []byte("\r\n\r\n")
	lengthName = []byte("\r\nContent-Length: ")
)

// echoHTTP answers every whole request with its own body. It looks for what it
// needs and at nothing else: the floor of a server that reads what it is sent.
// All answers of an event leave with one write. Hot path: no allocation in the
// steady state.
func (e *echo) echoHTTP(c gnet.Conn) gnet.Action {
	in, err := c.Peek(-1)
	if err != nil {
		return gnet.None
	}
	out, taken := e.out[:0], 0
	for {
		head := bytes.Index(in[taken:], headEnd)
		if head < 0 {
			break
		}
		length := 0
		if i := bytes.Index(in[taken:taken+head], lengthName); i >= 0 {
			for _, d := range in[taken+i+len(lengthName) : taken+head] {
				if d < '0' || d > '9' || length > maxBuffered {
					break
				}
				length = 10*length + int(d-'0')
			}
		}
		body := taken + head + len(headEnd)
		if length > len(in)-body {
			break
		}
		out = append(out, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: "...)
		out = strconv.AppendInt(out, int64(length), 10)
		out = append(append(out, headEnd...), in[body:body+length]...)
		taken = body + length
	}
	e.out = out
	if len(out) > 0 {
		if _, err := c.Write(out); err != nil {
			return gnet.None // gnet has closed the connection
		}
	}
	if _, err := c.Discard(taken); err != nil || c.InboundBuffered() > maxBuffered || c.OutboundBuffered() > maxBuffered {
		return gnet.Close
	}
	return gnet.None
}
