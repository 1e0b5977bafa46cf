package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"

	coder "github.com/coder/websocket"
	gobwas "github.com/gobwas/ws"
	"github.com/lxzan/gws"
)

// serveSocket answers each WebSocket message by itself, as fast as a library can: the
// floor of a server that is built on it. It prints where.
func serveSocket(peer, address string) error {
	l, err := net.Listen("tcp", address)
	if err != nil {
		return err
	}
	fmt.Printf("ws://%s\n", l.Addr())
	switch peer {
	case "gobwas", "gobwas-tuned":
		size := 4 << 10 // of package bufio, if nobody says more
		if peer == "gobwas-tuned" {
			size = 64 << 10
		}
		for {
			c, err := l.Accept()
			if err != nil {
				return err
			}
			go func() {
				defer func() { _ = c.Close() }()
				if _, err := gobwas.Upgrade(c); err == nil {
					_ = echoGobwas(c, size)
				}
			}()
		}
	case "gws":
		u := gws.NewUpgrader(gwsEcho{}, &gws.ServerOption{CheckUtf8Enabled: true})
		return http.Serve(l, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if c, err := u.Upgrade(w, r); err == nil {
				go c.ReadLoop()
			}
		}))
	case "coder":
		return http.Serve(l, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			c, err := coder.Accept(w, r, nil)
			if err != nil {
				return
			}
			defer func() { _ = c.CloseNow() }()
			c.SetReadLimit(-1)
			for {
				typ, b, err := c.Read(context.Background())
				if err != nil || c.Write(context.Background(), typ, b) != nil {
					return
				}
			}
		}))
	}
	_ = l.Close()
	return fmt.Errorf("-peer %s: no such WebSocket library; there are gobwas, gobwas-tuned, gws and coder", peer)
}

// echoGobwas reads frame by frame into one buffer, and flushes when it has worked off
// what was read, through buffers of a size.
func echoGobwas(c net.Conn, size int) error {
	in, out := bufio.NewReaderSize(c, size), bufio.NewWriterSize(c, size)
	var b []byte
	for {
		if in.Buffered() == 0 {
			if err := out.Flush(); err != nil {
				return err
			}
		}
		h, err := gobwas.ReadHeader(in)
		if err != nil {
			return err
		}
		if int64(cap(b)) < h.Length {
			b = make([]byte, h.Length)
		}
		b = b[:h.Length]
		if _, err := io.ReadFull(in, b); err != nil {
			return err
		}
		gobwas.Cipher(b, h.Mask, 0)
		h.Masked = false
		switch h.OpCode {
		case gobwas.OpClose:
			return errors.New("closed")
		case gobwas.OpPing:
			h.OpCode = gobwas.OpPong
		}
		if err := gobwas.WriteHeader(out, h); err != nil {
			return err
		}
		if _, err := out.Write(b); err != nil {
			return err
		}
	}
}

// gwsEcho is gws's way.
type gwsEcho struct{ gws.BuiltinEventHandler }

func (gwsEcho) OnMessage(c *gws.Conn, m *gws.Message) {
	_ = c.WriteMessage(m.Opcode, m.Bytes())
	_ = m.Close()
}
