//go:build goexperiment.jsonv2

package fuzz_test

import (
	"encoding/json/jsontext"
	"errors"
	"testing"

	"github.com/gannetmcp/gannet/codec"
)

// FuzzParseV2: a message is taken or refused as encoding/json/v2 judges it,
// which refuses ill-formed UTF-8 and halves of surrogate pairs as we do. A name
// that we say comes twice, it says too.
func FuzzParseV2(f *testing.F) {
	for _, s := range codecMessages {
		f.Add([]byte(s))
	}
	for _, s := range codecSeeds {
		f.Add([]byte(s))
		f.Add([]byte(`{"jsonrpc":"2.0","id":"x","method":"m","params":{"v":` + s + `}}`))
	}
	p := codec.NewParser(codec.Limits{Depth: 512})
	f.Fuzz(func(t *testing.T, in []byte) {
		good := jsontext.Value(in).IsValid(jsontext.AllowDuplicateNames(true))
		unique := jsontext.Value(in).IsValid()
		var m codec.Message
		err := p.Parse(&m, in)
		var e *codec.Error
		switch {
		case err == nil:
			if !good {
				t.Fatalf("%q was accepted", in)
			}
		case !errors.As(err, &e):
			t.Fatalf("%q: %v", in, err)
		case e.Limit > 0: // the rest was not looked at
		case e.Reason == "member name twice":
			if unique {
				t.Fatalf("%q: %v", in, err)
			}
		case good == (e.Code == codec.CodeParse):
			t.Fatalf("%q: JSON %v, refused with %v", in, good, err)
		}
	})
}
