package transports

import (
	"errors"
	"testing"

	xhttp2 "golang.org/x/net/http2"

	"github.com/gannetmcp/gannet/engine"
	"github.com/gannetmcp/gannet/engine/mcp"
	"github.com/gannetmcp/gannet/transports/web"
)

// What a peer does wrong ends its connection by GOAWAY, and is counted; others are
// served.
func TestHTTP2Failures(t *testing.T) {
	s, _ := webServer(t, mcp.Options{}, engine.Options{})
	base := s.Addrs()[0]
	for name, tc := range map[string]struct {
		flood func(p *http2Peer) error
		code  xhttp2.ErrCode
		why   web.HTTP2Failure
	}{
		"protocol":      {func(p *http2Peer) error { return p.fr.WriteWindowUpdate(0, 0) }, xhttp2.ErrCodeProtocol, web.HTTP2Protocol},
		"compression":   {func(p *http2Peer) error { return p.fr.WriteRawFrame(xhttp2.FrameHeaders, 5, 1, []byte{0x80}) }, xhttp2.ErrCodeCompression, web.HTTP2Protocol},
		"resets":        {rapidReset, xhttp2.ErrCodeEnhanceYourCalm, web.HTTP2Resets},
		"made to reset": {madeToReset, xhttp2.ErrCodeEnhanceYourCalm, web.HTTP2Resets},
		"pings":         {func(p *http2Peer) error { return p.fr.WritePing(false, [8]byte{}) }, xhttp2.ErrCodeEnhanceYourCalm, web.HTTP2Pings},
		"settings":      {func(p *http2Peer) error { return p.fr.WriteSettings() }, xhttp2.ErrCodeEnhanceYourCalm, web.HTTP2Settings},
		"priorities": {func(p *http2Peer) error {
			return p.fr.WritePriority(1, xhttp2.PriorityParam{StreamDep: 3})
		}, xhttp2.ErrCodeEnhanceYourCalm, web.HTTP2IdleFrames},
		"empty data": {func(p *http2Peer) error {
			if p.id == ^uint32(0) {
				p.head(false, "POST", "/mcp")
			}
			return p.fr.WriteData(p.id, false, nil)
		}, xhttp2.ErrCodeEnhanceYourCalm, web.HTTP2EmptyData},
		"continuations, empty": {func(p *http2Peer) error {
			if p.id == ^uint32(0) {
				p.id = 1
				return p.fr.WriteHeaders(xhttp2.HeadersFrameParam{StreamID: 1})
			}
			return p.fr.WriteContinuation(1, false, nil)
		}, xhttp2.ErrCodeEnhanceYourCalm, web.HTTP2Continuations},
		"continuations, full": {func(p *http2Peer) error {
			if p.id == ^uint32(0) {
				p.id = 1
				return p.fr.WriteHeaders(xhttp2.HeadersFrameParam{StreamID: 1})
			}
			return p.fr.WriteContinuation(1, false, make([]byte, 16384))
		}, xhttp2.ErrCodeEnhanceYourCalm, web.HTTP2HeaderBlock},
	} {
		t.Run(name, func(t *testing.T) {
			before := s.Snapshot().HTTP2.Failed[tc.why]
			p := dialHTTP2(t, base)
			p.lenient = true
			sent := make(chan int)
			go func() {
				n := 0
				for ; n < 50_000; n++ {
					if tc.flood(p) != nil {
						break
					}
				}
				sent <- n
			}()
			err := p.read(func() bool { return p.away != nil })
			_ = p.Close()
			n := <-sent
			if p.away == nil || p.away.ErrCode != tc.code {
				t.Fatalf("%v, GOAWAY %v after %d, want %v", err, p.away, n, tc.code)
			}
			if got := s.Snapshot().HTTP2.Failed[tc.why] - before; got != 1 {
				t.Errorf("%d counted as %v", got, tc.why)
			}
			other := dialHTTP2(t, base)
			other.want(other.ping(), "200", "serverInfo")
		})
	}
	eventually(t, "all handlers have ended", func() bool { return s.Snapshot().Engine.InFlight == 0 })
}

// rapidReset begins work and takes it back (CVE-2023-44487).
func rapidReset(p *http2Peer) error {
	id := p.modern("delay", `{"ms":60000,"text":"x"}`)
	return errors.Join(p.failed, p.fr.WriteRSTStream(id, xhttp2.ErrCodeCancel))
}

// madeToReset begins work and has the server take it back (CVE-2025-8671).
func madeToReset(p *http2Peer) error {
	id := p.modern("delay", `{"ms":60000,"text":"x"}`)
	return errors.Join(p.failed, p.fr.WriteWindowUpdate(id, 0))
}
