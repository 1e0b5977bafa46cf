package websocket

import (
	"testing"
)

// Close frames (Autobahn 7).
func TestClose(t *testing.T) {
	rows{
		{"empty", frame(fin|fClose, "") + hello, []string{"close 1005 "}},
		{"behind a message", hello + frame(fin|fClose, closeData(1000, "")), []string{"text hello", "close 1000 "}},
		{"twice", frame(fin|fClose, closeData(1000, "")) + frame(fin|fClose, closeData(1000, "")), []string{"close 1000 "}},
		{"ping behind it", frame(fin|fClose, "") + frame(fin|fPing, ""), []string{"close 1005 "}},
		{"rubbish behind it", frame(fin|fClose, "") + "\xff\xff\xff", []string{"close 1005 "}},
		{"with a reason", frame(fin|fClose, closeData(1000, "schön")), []string{"close 1000 schön"}},
		{"with the longest reason", frame(fin|fClose, closeData(1000, x(123))), []string{"close 1000 " + x(123)}},
		{"too long", frame(fin|fClose, closeData(1000, x(124))), []string{failure(ErrControlLength)}},
		{"of one byte", frame(fin|fClose, "\x03"), []string{failure(ErrCloseLength)}},
		{"reason not UTF-8", frame(fin|fClose, closeData(1000, "\xce\xba\xe1\xbd\xb9\xcf\x83\xce\xbc\xce\xb5\xed\xa0\x80")), []string{failure(ErrUTF8)}},
		{"reason cut", frame(fin|fClose, closeData(1000, "\xc3")), []string{failure(ErrUTF8)}},
	}.run(t, setting{})
}

// Each code there is, by the table of RFC 6455 §7.4 and the IANA registry.
func TestCloseCodes(t *testing.T) {
	loop := NewLoop(testPool(), Options{})
	for c := range 1 << 16 {
		c := Code(c)
		may := false
		switch c {
		case 1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014:
			may = true
		}
		may = may || c >= 3000 && c < 5000
		var p Parser
		p.Init(loop, nil, Agreed{})
		_, ev := p.Next([]byte(frame(fin|fClose, closeData(c, "x"))))
		if may && (ev != Close || p.Code() != c || string(p.Payload()) != "x") || !may && (ev != Failed || p.Err() != ErrCloseCode) {
			t.Fatalf("%d: event %d, code %d, %v", c, ev, p.Code(), p.Err())
		}
		if out := string(loop.AppendClose(nil, c, "x")); may && out != bare(fin|fClose, closeData(c, "x")) || !may && out != bare(fin|fClose, "") {
			t.Fatalf("%d is sent as %q", c, out)
		}
		p.Release()
	}
}

// What is wrong fits a close frame.
func TestReasonsFit(t *testing.T) {
	for _, e := range []*Error{ErrReserved, ErrOpcode, ErrUnmasked, ErrMasked, ErrLength, ErrControlLength, ErrControlSplit, ErrContinuation,
		ErrInterleaved, ErrCloseLength, ErrCloseCode, ErrBinary, ErrUTF8, ErrDeflate, ErrTooLong, ErrFragments} {
		if !e.Code.legal() || len(e.Reason) > maxControl-2 || e.Error() != "websocket: "+e.Reason {
			t.Error(e)
		}
		if out := string(NewLoop(testPool(), Options{}).AppendClose(nil, e.Code, e.Reason)); out != bare(fin|fClose, closeData(e.Code, e.Reason)) {
			t.Errorf("%v: %q", e, out)
		}
	}
	for _, tc := range []struct{ reason, want string }{
		{x(200), x(123)},
		{x(122) + "é", x(122)},
		{x(121) + "é", x(121) + "é"},
		{x(120) + "😀", x(120)},
	} {
		if got := string(NewLoop(testPool(), Options{}).AppendClose(nil, 1000, tc.reason)); got != bare(fin|fClose, closeData(1000, tc.want)) {
			t.Errorf("%q: %q", tc.reason, got)
		}
	}
}
