package main

import (
	"bufio"
	"fmt"
	"net"
	"net/http"

	"github.com/gobwas/ws"
	"github.com/gobwas/ws/wsutil"
	"github.com/lxzan/gws"
)

// echoGobwas answers each message of a WebSocket by itself, by gobwas/ws with a
// goroutine for each connection and buffers of so many bytes both ways: what has
// been read is answered in one write.
func echoGobwas(address string, buffer int) error {
	l, err := net.Listen("tcp", address)
	if err != nil {
		return err
	}
	fmt.Printf("http://%s\n", l.Addr())
	for {
		conn, err := l.Accept()
		if err != nil {
			return err
		}
		go func() {
			defer conn.Close()
			rw := bufio.NewReadWriter(bufio.NewReaderSize(conn, buffer), bufio.NewWriterSize(conn, buffer))
			if _, err := ws.Upgrade(rw); err != nil || rw.Flush() != nil {
				return
			}
			for {
				msg, op, err := wsutil.ReadClientData(rw)
				if err != nil || wsutil.WriteServerMessage(rw, op, msg) != nil {
					return
				}
				if rw.Reader.Buffered() == 0 && rw.Flush() != nil {
					return
				}
			}
		}()
	}
}

// gwsEcho is the echo of lxzan/gws.
type gwsEcho struct{ gws.BuiltinEventHandler }

func (gwsEcho) OnPing(c *gws.Conn, payload []byte) { _ = c.WritePong(payload) }

func (gwsEcho) OnMessage(c *gws.Conn, m *gws.Message) {
	_ = c.WriteMessage(m.Opcode, m.Bytes())
	_ = m.Close()
}

// echoGWS is echoGobwas by lxzan/gws, in the way of its examples.
func echoGWS(address string) error {
	up := gws.NewUpgrader(gwsEcho{}, &gws.ServerOption{})
	return serve(address, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c, err := up.Upgrade(w, r)
		if err != nil {
			return
		}
		go c.ReadLoop()
	}))
}
