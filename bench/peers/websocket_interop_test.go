package peers

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	coder "github.com/coder/websocket"
	gobwas "github.com/gobwas/ws"
	"github.com/gobwas/ws/wsutil"
	"github.com/lxzan/gws"
	gosdk "github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/gannetmcp/gannet/engine/mcp"
	"github.com/gannetmcp/gannet/transports"
)

// wsMessages is one end of a WebSocket as a library has it: whole messages of text.
type wsMessages interface {
	receive() ([]byte, error)
	send(message []byte) error
	close() error
}

// wsLines makes lines of messages, for MCP libraries that speak over streams.
type wsLines struct {
	net.Conn // nil
	wsMessages
	rest []byte
	out  []byte
}

func (l *wsLines) Read(p []byte) (int, error) {
	for len(l.rest) == 0 {
		m, err := l.receive()
		if err != nil {
			return 0, err
		}
		l.rest = append(m, '\n')
	}
	n := copy(p, l.rest)
	l.rest = l.rest[n:]
	return n, nil
}

func (l *wsLines) Write(p []byte) (int, error) {
	l.out = append(l.out, p...)
	for {
		line, rest, ok := bytes.Cut(l.out, []byte("\n"))
		if !ok {
			return len(p), nil
		}
		if err := l.send(line); err != nil {
			return 0, err
		}
		l.out = append(l.out[:0], rest...)
	}
}

func (l *wsLines) Close() error { return l.close() }

// Coder's library.
type coderMessages struct{ c *coder.Conn }

func (m coderMessages) receive() ([]byte, error) {
	typ, b, err := m.c.Read(context.Background())
	if err == nil && typ != coder.MessageText {
		err = errors.New("not text")
	}
	if coder.CloseStatus(err) == coder.StatusNormalClosure || coder.CloseStatus(err) == coder.StatusGoingAway {
		err = io.EOF
	}
	return b, err
}
func (m coderMessages) send(b []byte) error {
	return m.c.Write(context.Background(), coder.MessageText, b)
}
func (m coderMessages) close() error { return m.c.Close(coder.StatusNormalClosure, "") }

func dialCoder(mode coder.CompressionMode) func(url string) (wsMessages, error) {
	return func(url string) (wsMessages, error) {
		c, _, err := coder.Dial(context.Background(), url, &coder.DialOptions{Subprotocols: []string{"mcp"}, CompressionMode: mode})
		if err != nil {
			return nil, err
		}
		if c.Subprotocol() != "mcp" {
			return nil, fmt.Errorf("subprotocol %q", c.Subprotocol())
		}
		c.SetReadLimit(-1)
		return coderMessages{c}, nil
	}
}

// gws.
type gwsMessages struct {
	gws.BuiltinEventHandler
	socket *gws.Conn
	in     chan []byte
	pongs  chan string
}

func (m *gwsMessages) OnMessage(_ *gws.Conn, msg *gws.Message) {
	m.in <- bytes.Clone(msg.Bytes())
	_ = msg.Close()
}
func (m *gwsMessages) OnPong(_ *gws.Conn, b []byte) { m.pongs <- string(b) }
func (m *gwsMessages) OnClose(_ *gws.Conn, _ error) { close(m.in) }
func (m *gwsMessages) OnPing(c *gws.Conn, b []byte) { _ = c.WritePong(b) }
func (m *gwsMessages) receive() ([]byte, error) {
	b, ok := <-m.in
	if !ok {
		return nil, io.EOF
	}
	return b, nil
}
func (m *gwsMessages) send(b []byte) error { return m.socket.WriteMessage(gws.OpcodeText, b) }
func (m *gwsMessages) close() error        { m.socket.WriteClose(1000, nil); return nil }

func dialGWS(deflate bool) func(url string) (wsMessages, error) {
	return func(url string) (wsMessages, error) {
		m := &gwsMessages{in: make(chan []byte, 1000), pongs: make(chan string, 10)}
		var err error
		m.socket, _, err = gws.NewClient(m, &gws.ClientOption{
			Addr: url, RequestHeader: http.Header{"Sec-WebSocket-Protocol": {"mcp"}}, CheckUtf8Enabled: true,
			PermessageDeflate: gws.PermessageDeflate{Enabled: deflate, ServerContextTakeover: true, ClientContextTakeover: true, ServerMaxWindowBits: 12, Threshold: 100},
		})
		if err != nil {
			return nil, err
		}
		go m.socket.ReadLoop()
		for range 3 {
			if err := m.socket.WritePing([]byte("ping")); err != nil {
				return nil, err
			}
			select {
			case p := <-m.pongs:
				if p != "ping" {
					return nil, fmt.Errorf("pong %q", p)
				}
			case <-time.After(10 * time.Second):
				return nil, errors.New("no pong")
			}
		}
		return m, nil
	}
}

// gobwas/ws.
type gobwasMessages struct {
	net.Conn
	r  io.Reader
	mu *sync.Mutex
}

func (m gobwasMessages) receive() ([]byte, error) {
	b, err := wsutil.ReadServerText(struct {
		io.Reader
		io.Writer
	}{m.r, m.Conn})
	var closed wsutil.ClosedError
	if errors.As(err, &closed) && closed.Code == gobwas.StatusNormalClosure {
		err = io.EOF
	}
	return b, err
}
func (m gobwasMessages) send(b []byte) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	return wsutil.WriteClientText(m.Conn, b)
}
func (m gobwasMessages) close() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	_ = wsutil.WriteClientMessage(m.Conn, gobwas.OpClose, gobwas.NewCloseFrameBody(1000, ""))
	return nil
}

func dialGobwas(url string) (wsMessages, error) {
	c, br, h, err := gobwas.Dialer{Protocols: []string{"mcp"}}.Dial(context.Background(), url)
	if err != nil {
		return nil, err
	}
	if h.Protocol != "mcp" {
		return nil, fmt.Errorf("subprotocol %q", h.Protocol)
	}
	m := gobwasMessages{Conn: c, r: c, mu: &sync.Mutex{}}
	if br != nil {
		m.r = io.MultiReader(br, c)
	}
	return m, nil
}

// MCP over WebSocket libraries that others wrote, against the binary: at the HTTP
// port and at one of its own.
func TestWebSocketInterop(t *testing.T) {
	for name, dial := range map[string]func(url string) (wsMessages, error){
		"coder":                   dialCoder(coder.CompressionDisabled),
		"coder, compressed":       dialCoder(coder.CompressionNoContextTakeover),
		"coder, with its context": dialCoder(coder.CompressionContextTakeover),
		"gws":                     dialGWS(false),
		"gws, compressed":         dialGWS(true),
		"gobwas":                  dialGobwas,
	} {
		for _, listen := range []string{"http://127.0.0.1:0", "ws://127.0.0.1:0/mcp"} {
			t.Run(name+"/"+listen, func(t *testing.T) {
				url := "ws" + strings.TrimPrefix(startGannet(t, "--demo", "--listen", listen)[0], "http")
				if strings.HasPrefix(listen, "http") {
					url += "/ws"
				} else {
					url = strings.TrimPrefix(url, "ws")
				}
				m, err := dial(url)
				if err != nil {
					t.Fatal(err)
				}
				c, err := goSDK.stream(t, "", &wsLines{wsMessages: m})
				if err != nil {
					t.Fatal(err)
				}
				exercise(t, goSDK, c, "")
			})
		}
	}
}

// Our client against go-sdk's server on WebSocket libraries that others wrote.
func TestWebSocketClientOfServers(t *testing.T) {
	serve := func(m wsMessages) {
		l := &wsLines{wsMessages: m}
		server := gosdk.NewServer(&gosdk.Implementation{Name: "echoes", Version: "1"}, nil)
		gosdk.AddTool(server, &gosdk.Tool{Name: "echo"}, func(_ context.Context, _ *gosdk.CallToolRequest, in struct{ Text string }) (*gosdk.CallToolResult, any, error) {
			return &gosdk.CallToolResult{Content: []gosdk.Content{&gosdk.TextContent{Text: in.Text}}}, nil, nil
		})
		s, err := server.Connect(context.Background(), &gosdk.IOTransport{Reader: l, Writer: unclosed{l}}, nil)
		if err != nil {
			t.Error(err)
			return
		}
		_ = s.Wait()
		_ = l.Close()
	}
	var wg sync.WaitGroup
	for name, h := range map[string]http.HandlerFunc{
		"coder": func(w http.ResponseWriter, r *http.Request) {
			c, err := coder.Accept(w, r, &coder.AcceptOptions{Subprotocols: []string{"mcp"}, CompressionMode: coder.CompressionNoContextTakeover, CompressionThreshold: 1})
			if err != nil {
				t.Error(err)
				return
			}
			c.SetReadLimit(-1)
			serve(coderMessages{c})
		},
		"gws": func(w http.ResponseWriter, r *http.Request) {
			m := &gwsMessages{in: make(chan []byte, 1000)}
			u := gws.NewUpgrader(m, &gws.ServerOption{CheckUtf8Enabled: true, SubProtocols: []string{"mcp"}, PermessageDeflate: gws.PermessageDeflate{Enabled: true, Threshold: 1}})
			var err error
			if m.socket, err = u.Upgrade(w, r); err != nil {
				t.Error(err)
				return
			}
			wg.Go(m.socket.ReadLoop)
			serve(m)
		},
		"gobwas": func(w http.ResponseWriter, r *http.Request) {
			c, _, _, err := gobwas.HTTPUpgrader{Protocol: func(p string) bool { return p == "mcp" }}.Upgrade(r, w)
			if err != nil {
				t.Error(err)
				return
			}
			serve(gobwasServer{Conn: c, mu: &sync.Mutex{}})
		},
	} {
		for _, revision := range append(mcp.Revisions(), "") {
			t.Run(name+"/"+revision, func(t *testing.T) {
				srv := httptest.NewServer(h)
				defer srv.Close()
				ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
				defer cancel()
				client := mcp.NewClient(mcp.ClientOptions{Name: "interop", Version: "1", Revision: revision})
				s, err := transports.Dial(ctx, client, "ws"+strings.TrimPrefix(srv.URL, "http")+"/any", transports.DialOptions{})
				if err != nil {
					t.Fatal(err)
				}
				t.Log(s.Info().Name, s.Info().Revision)
				if err := s.Ping(ctx); err != nil {
					t.Error(err)
				}
				if tools, err := s.ListTools(ctx); err != nil || len(tools) != 1 || tools[0].Name != "echo" {
					t.Errorf("tools %+v, %v", tools, err)
				}
				for _, n := range []int{0, 1, 10, 15, 100, 10_000, 100_000} {
					text := strings.Repeat("hé\n<b>", n)
					if r, err := s.CallTool(ctx, "echo", map[string]any{"Text": text}); err != nil || r.Text() != text {
						t.Errorf("echo of %d bytes: %.100v, %v", len(text), r, err)
					}
				}
				if err := s.Close(); err != nil {
					t.Error(err)
				}
			})
		}
	}
	wg.Wait()
}

// gobwasServer is the server's end.
type gobwasServer struct {
	net.Conn
	mu *sync.Mutex
}

func (m gobwasServer) receive() ([]byte, error) { return wsutil.ReadClientText(m.Conn) }
func (m gobwasServer) send(b []byte) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	return wsutil.WriteServerText(m.Conn, b)
}
func (m gobwasServer) close() error { return m.Conn.Close() }
