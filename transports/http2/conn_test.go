package http2

import (
	"fmt"
	"strings"
	"testing"
)

const est = "established"

// goodStreams are what clients send, and what becomes of it.
var goodStreams = []struct {
	name, in string
	hold     bool
	want     []string
	sent     []string
}{
	{"nothing but the preface", hello, false, []string{est}, greeting},
	{"settings", Preface + settingsFrame(setting(settingHeaderTable, 0), setting(settingPush, 1), setting(settingStreams, 0), setting(settingWindow, maxWindow), setting(settingFrame, 1<<24-1), setting(settingHeaderList, 0), setting(0x99, 5)), false, []string{est}, greeting},
	{"settings acknowledged, and again", hello + frame(frameSettings, flagAck, 0, "") + settingsFrame(), false, []string{est}, []string{"SETTINGS ack", "SETTINGS ack"}},
	{"get", hello + get(1), false, []string{est, "head 1 GET http://a/", `done 1 ""`}, []string{"HEADERS 1 :status=200 content-length=2", "DATA 1 ok end"}},
	{"get and get", hello + get(1) + get(3), false, []string{est, "head 1 GET http://a/", `done 1 ""`, "head 3 GET http://a/", `done 3 ""`}, nil},
	{"numbers left out", hello + get(3) + get(99), false, []string{est, "head 3 GET http://a/", `done 3 ""`, "head 99 GET http://a/", `done 99 ""`}, nil},
	{"post", hello + post(1, "hello"), false, []string{est, "head 1 POST http://a/mcp", `done 1 "hello"`}, nil},
	{"post with its length", hello + post(1, "hello", "content-length", "5"), false, []string{est, `head 1 POST http://a/mcp length=5 content-length="5"`, `done 1 "hello"`}, nil},
	{"post of nothing", hello + post(1, ""), false, []string{est, "head 1 POST http://a/mcp", `done 1 ""`}, nil},
	{"post in pieces", hello + headers(1, whole, request("POST", "/")) + data(1, 0, "ab") + data(1, 0, "") + data(1, 0, "cd") + data(1, end, ""), false, []string{est, "head 1 POST http://a/", `done 1 "abcd"`}, nil},
	{"posts in turns", hello + headers(1, whole, request("POST", "/1")) + data(1, 0, "ab") + headers(3, whole, request("POST", "/3")) + data(3, 0, "AB") + data(1, end, "cd") + data(3, end, "CD"), false, []string{est, "head 1 POST http://a/1", "head 3 POST http://a/3", `done 1 "abcd"`, `done 3 "ABCD"`}, nil},
	{"padding", hello + headers(1, whole|flagPadded, "\x03"+request("POST", "/")+"\x00\x00\x00") + data(1, flagPadded, "\x02ab\x00\x00") + data(1, end|flagPadded, "\x05\x00\x00\x00\x00\x00"), false, []string{est, "head 1 POST http://a/", `done 1 "ab"`}, nil},
	{"padding and the whole body", hello + headers(1, whole, request("POST", "/")) + data(1, end|flagPadded, "\x02ab\x00\x00"), false, []string{est, "head 1 POST http://a/", `done 1 "ab"`}, nil},
	{"priority in HEADERS", hello + headers(1, endHead|flagPriority, u32(0x80000003)+"\xff"+request("GET", "/")), false, []string{est, "head 1 GET http://a/", `done 1 ""`}, nil},
	{"PRIORITY", hello + frame(framePriority, 0, 9, u32(3)+"\x00") + get(1) + frame(framePriority, 0, 1, u32(3)+"\x00"), false, []string{est, "head 1 GET http://a/", `done 1 ""`}, nil},
	{"CONTINUATION", hello + headers(1, end, request("GET", "/")[:5]) + frame(frameContinuation, 0, 1, request("GET", "/")[5:9]) + frame(frameContinuation, 0, 1, "") + frame(frameContinuation, whole, 1, request("GET", "/")[9:]), false, []string{est, "head 1 GET http://a/", `done 1 ""`}, nil},
	{"trailers", hello + headers(1, whole, request("POST", "/")) + data(1, 0, "ab") + headers(1, endHead, block("x-sum", "1")), false, []string{est, "head 1 POST http://a/", `done 1 "ab"`}, nil},
	{"trailers cut", hello + headers(1, whole, request("POST", "/")) + headers(1, end, block("x-sum", "1")[:3]) + frame(frameContinuation, whole, 1, block("x-sum", "1")[3:]), false, []string{est, "head 1 POST http://a/", `done 1 ""`}, nil},
	{"unknown frames", hello + frame(0x20, 0xFF, 0, x(100)) + get(1) + frame(0xFF, 1, 1, ""), false, []string{est, "head 1 GET http://a/", `done 1 ""`}, nil},
	{"ping", hello + frame(framePing, 0, 0, "12345678") + frame(framePing, flagAck, 0, "12345678"), false, []string{est}, []string{`PING ack "12345678"`}},
	{"reset before the body", hello + headers(1, whole, request("POST", "/")) + rst(1, CodeCancel) + get(3), false, []string{est, "head 1 POST http://a/", "reset 1 by the peer", "head 3 GET http://a/", `done 3 ""`}, nil},
	{"reset of what is being served", hello + get(1) + rst(1, CodeCancel), true, []string{est, "head 1 GET http://a/", `done 1 ""`, "reset 1 by the peer"}, greeting},
	{"reset of what was answered", hello + get(1) + rst(1, CodeNo) + window(1, 5), false, []string{est, "head 1 GET http://a/", `done 1 ""`}, nil},
	{"goaway", hello + get(1) + frame(frameGoAway, 0, 0, u32(0)+u32(0)+"so long") + frame(frameGoAway, 0, 0, u32(0)+u32(0)), false, []string{est, "head 1 GET http://a/", `done 1 ""`, "goaway"}, nil},
	{"expect", hello + headers(1, whole, request("POST", "/", "expect", "100-continue")) + data(1, end, "ab"), false, []string{est, `head 1 POST http://a/ expect="100-continue"`, `done 1 "ab"`}, []string{"HEADERS 1 :status=100", "HEADERS 1 :status=200 content-length=2", "DATA 1 ok end"}},
	{"expect without a body", hello + headers(1, endHead, request("GET", "/", "expect", "100-continue")), false, []string{est, `head 1 GET http://a/ expect="100-continue"`, `done 1 ""`}, []string{"HEADERS 1 :status=200 content-length=2", "DATA 1 ok end"}},
	{"window given back", hello + headers(1, whole, request("POST", "/")) + strings.Repeat(data(1, 0, x(16384)), 8) + data(1, end, ""), false, []string{est, "head 1 POST http://a/", fmt.Sprintf("done 1 %q", x(8*16384))}, []string{"WINDOW_UPDATE 1 +131072", "HEADERS 1 :status=200 content-length=2", "DATA 1 ok end"}},
}

func TestGoodStreams(t *testing.T) {
	for _, tc := range goodStreams {
		t.Run(tc.name, func(t *testing.T) { everyWay(t, tc.in, Limits{}, tc.hold, tc.want, tc.sent) })
	}
}

// badStreams break a rule. What came before is served, and where only a stream is
// at fault, so is what follows.
var badStreams = []struct {
	name, in string
	hold     bool
	want     string // the last event
	sent     string // the last frame
}{
	// The connection fails.
	{"HTTP/1.1", "GET / HTTP/1.1\r\nHost: a\r\n\r\n", false, failed(ErrPreface), "GOAWAY 0 PROTOCOL_ERROR"},
	{"a letter of the preface wrong", Preface[:20] + "X" + Preface[21:], false, failed(ErrPreface), "GOAWAY 0 PROTOCOL_ERROR"},
	{"no SETTINGS", Preface + get(1), false, failed(ErrNoSettings), "GOAWAY 0 PROTOCOL_ERROR"},
	{"acknowledgement as the first SETTINGS", Preface + frame(frameSettings, flagAck, 0, ""), false, failed(ErrNoSettings), "GOAWAY 0 PROTOCOL_ERROR"},
	{"frame of 16385", hello + string(appendFrameHead(nil, 16385, frameData, 0, 1)), false, failed(ErrFrameTooLarge), "GOAWAY 0 FRAME_SIZE_ERROR"},
	{"frame of 2^24-1 of unknown type", hello + string(appendFrameHead(nil, 1<<24-1, 0x99, 0, 1)), false, failed(ErrFrameTooLarge), "GOAWAY 0 FRAME_SIZE_ERROR"},
	{"SETTINGS of 5 bytes", hello + frame(frameSettings, 0, 0, "12345"), false, failed(ErrFrameLength), "GOAWAY 0 FRAME_SIZE_ERROR"},
	{"SETTINGS acknowledged with a payload", hello + frame(frameSettings, flagAck, 0, "123456"), false, failed(ErrFrameLength), "GOAWAY 0 FRAME_SIZE_ERROR"},
	{"SETTINGS on a stream", hello + frame(frameSettings, 0, 1, ""), false, failed(ErrStreamID), "GOAWAY 0 PROTOCOL_ERROR"},
	{"ENABLE_PUSH of 2", hello + settingsFrame(setting(settingPush, 2)), false, failed(ErrSettingValue), "GOAWAY 0 PROTOCOL_ERROR"},
	{"INITIAL_WINDOW_SIZE of 2^31", hello + settingsFrame(setting(settingWindow, 1<<31)), false, failed(ErrSettingWindow), "GOAWAY 0 FLOW_CONTROL_ERROR"},
	{"MAX_FRAME_SIZE of 16383", hello + settingsFrame(setting(settingFrame, 16383)), false, failed(ErrSettingValue), "GOAWAY 0 PROTOCOL_ERROR"},
	{"MAX_FRAME_SIZE of 2^24", hello + settingsFrame(setting(settingFrame, 1<<24)), false, failed(ErrSettingValue), "GOAWAY 0 PROTOCOL_ERROR"},
	{"PING of 7 bytes", hello + frame(framePing, 0, 0, "1234567"), false, failed(ErrFrameLength), "GOAWAY 0 FRAME_SIZE_ERROR"},
	{"PING on a stream", hello + get(1) + frame(framePing, 0, 1, "12345678"), false, failed(ErrStreamID), "GOAWAY 1 PROTOCOL_ERROR"},
	{"GOAWAY of 7 bytes", hello + frame(frameGoAway, 0, 0, "1234567"), false, failed(ErrFrameLength), "GOAWAY 0 FRAME_SIZE_ERROR"},
	{"GOAWAY on a stream", hello + get(1) + frame(frameGoAway, 0, 1, "12345678"), false, failed(ErrStreamID), "GOAWAY 1 PROTOCOL_ERROR"},
	{"WINDOW_UPDATE of 3 bytes", hello + frame(frameWindowUpdate, 0, 0, "123"), false, failed(ErrFrameLength), "GOAWAY 0 FRAME_SIZE_ERROR"},
	{"WINDOW_UPDATE by 0", hello + window(0, 0), false, failed(ErrZeroIncrement), "GOAWAY 0 PROTOCOL_ERROR"},
	{"WINDOW_UPDATE above 2^31-1", hello + window(0, maxWindow), false, failed(ErrWindow), "GOAWAY 0 FLOW_CONTROL_ERROR"},
	{"WINDOW_UPDATE of a stream not begun", hello + window(1, 1), false, failed(ErrIdleStream), "GOAWAY 0 PROTOCOL_ERROR"},
	{"INITIAL_WINDOW_SIZE that makes a window larger than 2^31-1", hello + get(1) + window(1, maxWindow-firstWindow) + settingsFrame(setting(settingWindow, firstWindow+1)), true, failed(ErrWindow), "GOAWAY 1 FLOW_CONTROL_ERROR"},
	{"RST_STREAM of 3 bytes", hello + get(1) + frame(frameReset, 0, 1, "123"), false, failed(ErrFrameLength), "GOAWAY 1 FRAME_SIZE_ERROR"},
	{"RST_STREAM on the connection", hello + rst(0, CodeCancel), false, failed(ErrStreamID), "GOAWAY 0 PROTOCOL_ERROR"},
	{"RST_STREAM of a stream not begun", hello + rst(1, CodeCancel), false, failed(ErrIdleStream), "GOAWAY 0 PROTOCOL_ERROR"},
	{"RST_STREAM of a stream of the server's", hello + get(5) + rst(2, CodeCancel), false, failed(ErrIdleStream), "GOAWAY 5 PROTOCOL_ERROR"},
	{"PRIORITY on the connection", hello + frame(framePriority, 0, 0, "12345"), false, failed(ErrStreamID), "GOAWAY 0 PROTOCOL_ERROR"},
	{"PRIORITY of a stream not begun, on itself", hello + frame(framePriority, 0, 5, u32(5)+"\x00"), false, failed(ErrDependency), "GOAWAY 0 PROTOCOL_ERROR"},
	{"PRIORITY of a stream not begun, of 4 bytes", hello + frame(framePriority, 0, 5, "1234"), false, failed(ErrFrameLength), "GOAWAY 0 FRAME_SIZE_ERROR"},
	{"PRIORITY of 6 bytes of a stream that has ended", hello + get(1) + frame(framePriority, 0, 1, "123456"), false, failed(ErrFrameLength), "GOAWAY 1 FRAME_SIZE_ERROR"},
	{"PUSH_PROMISE", hello + frame(framePushPromise, whole, 1, u32(2)+request("GET", "/")), false, failed(ErrPush), "GOAWAY 0 PROTOCOL_ERROR"},
	{"CONTINUATION of nothing", hello + frame(frameContinuation, whole, 1, ""), false, failed(ErrContinuation), "GOAWAY 0 PROTOCOL_ERROR"},
	{"CONTINUATION behind END_HEADERS", hello + headers(1, whole, request("POST", "/")) + frame(frameContinuation, whole, 1, ""), false, failed(ErrContinuation), "GOAWAY 1 PROTOCOL_ERROR"},
	{"CONTINUATION of another stream", hello + headers(1, end, "") + frame(frameContinuation, whole, 3, request("GET", "/")), false, failed(ErrContinuation), "GOAWAY 0 PROTOCOL_ERROR"},
	{"DATA within a header block", hello + headers(1, end, "") + data(1, 0, ""), false, failed(ErrContinuation), "GOAWAY 0 PROTOCOL_ERROR"},
	{"unknown frame within a header block", hello + headers(1, end, "") + frame(0x42, 0, 0, ""), false, failed(ErrContinuation), "GOAWAY 0 PROTOCOL_ERROR"},
	{"HEADERS on the connection", hello + headers(0, endHead, request("GET", "/")), false, failed(ErrStreamID), "GOAWAY 0 PROTOCOL_ERROR"},
	{"HEADERS on a stream of the server's", hello + headers(2, endHead, request("GET", "/")), false, failed(ErrStreamID), "GOAWAY 0 PROTOCOL_ERROR"},
	{"HEADERS with a lower number", hello + get(5) + get(3), false, failed(ErrStreamID), "GOAWAY 5 PROTOCOL_ERROR"},
	{"HEADERS on a stream that has ended", hello + get(1) + get(1), false, failed(ErrClosedStream), "GOAWAY 1 STREAM_CLOSED"},
	{"HEADERS without room for the priority", hello + headers(1, endHead|flagPriority, "1234"), false, failed(ErrFrameLength), "GOAWAY 0 FRAME_SIZE_ERROR"},
	{"HEADERS padded without a length", hello + headers(1, endHead|flagPadded, ""), false, failed(ErrFrameLength), "GOAWAY 0 FRAME_SIZE_ERROR"},
	{"HEADERS with more padding than payload", hello + headers(1, endHead|flagPadded, "\x05\x82"), false, failed(ErrPadding), "GOAWAY 0 PROTOCOL_ERROR"},
	{"header block that is none", hello + headers(1, endHead, "\xff\xff\xff\xff\xff\xff"), false, failed(ErrCompression), "GOAWAY 0 COMPRESSION_ERROR"},
	{"index 0", hello + headers(1, endHead, "\x80"), false, failed(ErrCompression), "GOAWAY 0 COMPRESSION_ERROR"},
	{"trailers that are no block", hello + headers(1, whole, request("POST", "/")) + headers(1, endHead, "\xbe"), false, failed(ErrCompression), "GOAWAY 1 COMPRESSION_ERROR"},
	{"DATA on the connection", hello + data(0, 0, "a"), false, failed(ErrStreamID), "GOAWAY 0 PROTOCOL_ERROR"},
	{"DATA on a stream not begun", hello + data(1, 0, "a"), false, failed(ErrIdleStream), "GOAWAY 0 PROTOCOL_ERROR"},
	{"DATA padded without a length", hello + headers(1, whole, request("POST", "/")) + data(1, flagPadded, ""), false, failed(ErrFrameLength), "GOAWAY 1 FRAME_SIZE_ERROR"},
	{"DATA with as much padding as payload", hello + headers(1, whole, request("POST", "/")) + data(1, flagPadded, "\x03ab"), false, failed(ErrPadding), "GOAWAY 1 PROTOCOL_ERROR"},
	{"DATA with too much padding behind RST_STREAM", hello + headers(1, whole, request("POST", "/")) + rst(1, CodeCancel) + data(1, flagPadded, "\x03ab"), false, failed(ErrPadding), "GOAWAY 1 PROTOCOL_ERROR"},
	{"behind a failure nothing counts", hello + window(0, 0) + get(1), false, failed(ErrZeroIncrement), "GOAWAY 0 PROTOCOL_ERROR"},

	// A stream fails.
	{"WINDOW_UPDATE of a stream by 0", hello + get(1) + window(1, 0), true, "reset 1 " + why(ErrStreamZero), "RST_STREAM 1 PROTOCOL_ERROR"},
	{"WINDOW_UPDATE of a stream above 2^31-1", hello + get(1) + window(1, maxWindow), true, "reset 1 " + why(ErrStreamWindow), "RST_STREAM 1 FLOW_CONTROL_ERROR"},
	{"PRIORITY on itself", hello + get(1) + frame(framePriority, 0, 1, u32(1)+"\x00"), true, "reset 1 " + why(ErrSelfDependency), "RST_STREAM 1 PROTOCOL_ERROR"},
	{"PRIORITY of 4 bytes", hello + get(1) + frame(framePriority, 0, 1, "1234"), true, "reset 1 " + why(ErrStreamPriority), "RST_STREAM 1 FRAME_SIZE_ERROR"},
	{"HEADERS on itself", hello + headers(1, endHead|flagPriority, u32(1)+"\x00"+request("GET", "/")), false, refused(ErrSelfDependency), "RST_STREAM 1 PROTOCOL_ERROR"},
	{"HEADERS behind END_STREAM", hello + get(1) + headers(1, endHead, block("x", "y")), true, "reset 1 " + why(ErrHalfClosed), "RST_STREAM 1 STREAM_CLOSED"},
	{"DATA behind END_STREAM", hello + get(1) + data(1, end, "a"), true, "reset 1 " + why(ErrHalfClosed), "RST_STREAM 1 STREAM_CLOSED"},
	{"DATA behind RST_STREAM", hello + headers(1, whole, request("POST", "/")) + rst(1, CodeCancel) + data(1, end, "a"), true, "reset 1 by the peer", "RST_STREAM 1 STREAM_CLOSED"},
	{"HEADERS behind RST_STREAM", hello + headers(1, whole, request("POST", "/")) + rst(1, CodeCancel) + headers(1, endHead, block("x", "y")), true, "reset 1 by the peer", "RST_STREAM 1 STREAM_CLOSED"},
	{"DATA behind a response", hello + get(1) + data(1, end, "a"), false, `done 1 ""`, "RST_STREAM 1 STREAM_CLOSED"},
	{"trailers without END_STREAM", hello + headers(1, whole, request("POST", "/")) + headers(1, whole, block("x", "y")), true, "reset 1 " + why(ErrTrailers), "RST_STREAM 1 PROTOCOL_ERROR"},
	{"trailers with a pseudo-header", hello + headers(1, whole, request("POST", "/")) + headers(1, endHead, block(":path", "/")), true, "reset 1 " + why(ErrTrailers), "RST_STREAM 1 PROTOCOL_ERROR"},
	{"trailers on itself", hello + headers(1, whole, request("POST", "/")) + headers(1, endHead|flagPriority, u32(1)+"\x00"), true, "reset 1 " + why(ErrSelfDependency), "RST_STREAM 1 PROTOCOL_ERROR"},
	{"less than content-length", hello + post(1, "ab", "content-length", "3"), true, "reset 1 " + why(ErrLengthSum), "RST_STREAM 1 PROTOCOL_ERROR"},
	{"more than content-length", hello + headers(1, whole, request("POST", "/", "content-length", "1")) + data(1, 0, "ab"), true, "reset 1 " + why(ErrLengthSum), "RST_STREAM 1 PROTOCOL_ERROR"},
	{"content-length without DATA", hello + headers(1, endHead, request("POST", "/", "content-length", "1")), true, refused(ErrLengthSum), "RST_STREAM 1 PROTOCOL_ERROR"},
	{"less than content-length, and trailers", hello + headers(1, whole, request("POST", "/", "content-length", "3")) + data(1, 0, "ab") + headers(1, endHead, block("x", "y")), true, "reset 1 " + why(ErrLengthSum), "RST_STREAM 1 PROTOCOL_ERROR"},
	{"CONNECT", hello + headers(1, endHead, block(":method", "CONNECT", ":authority", "a:1")), true, refused(ErrConnect), "DATA 1 method CONNECT\n end"},
	{"CONNECT, the tunnel open", hello + headers(1, whole, block(":method", "CONNECT", ":authority", "a:1")) + data(1, 0, "a"), true, refused(ErrConnect), "RST_STREAM 1 NO_ERROR"},
	{"another expectation", hello + headers(1, whole, request("POST", "/", "expect", "200-ok")) + data(1, 0, "a") + data(1, end, ""), true, refused(ErrExpect), "RST_STREAM 1 NO_ERROR"},
}

func TestBadStreams(t *testing.T) {
	if len(badStreams) < len(goodStreams) {
		t.Errorf("%d bad rows for %d good ones", len(badStreams), len(goodStreams))
	}
	for _, tc := range badStreams {
		t.Run(tc.name, func(t *testing.T) {
			tr, _ := newTrace(t, Limits{}, nil)
			if tc.hold {
				tr.done = tr.hold
			}
			tr.feed(tc.in)
			last := "nothing"
			if len(tr.got) > 0 {
				last = tr.got[len(tr.got)-1]
			}
			out := frames(t, tr.sent)
			if last != tc.want || out[len(out)-1] != tc.sent {
				t.Fatalf("got %q, want the last to be %q\nsent %q, want the last to be %q", tr.got, tc.want, out, tc.sent)
			}
			everyWay(t, tc.in, Limits{}, tc.hold, tr.got, nil)
			if strings.HasPrefix(tc.want, "failed") {
				return
			}
			// The connection goes on.
			more := append(tr.got[:len(tr.got):len(tr.got)], "head 9 GET http://a/", `done 9 ""`)
			everyWay(t, tc.in+get(9), Limits{}, tc.hold, more, nil)
		})
	}
}
