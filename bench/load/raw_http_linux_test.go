package load

import (
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
)

// Bodies that come back, as from a bare HTTP server: what differs is an error.
func TestRawHTTP(t *testing.T) {
	for _, c := range []struct {
		name   string
		answer func(body []byte) []byte
		good   bool
	}{
		{"echo", func(b []byte) []byte { return b }, true},
		{"shorter", func(b []byte) []byte { return b[:len(b)-1] }, false},
		{"longer", func(b []byte) []byte { return append(b, 'x') }, false},
		{"another byte", func(b []byte) []byte { b[len(b)-1]++; return b }, false},
		{"no id", func(b []byte) []byte { b[0] = 'x'; return b }, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				body, err := io.ReadAll(r.Body)
				if err != nil || r.Method != http.MethodPost {
					w.WriteHeader(http.StatusBadRequest)
					return
				}
				_, _ = w.Write(c.answer(body))
			}))
			defer srv.Close()
			for _, depth := range []int{1, 8} {
				r, err := Run(Options{Target: srv.URL + "/any", Method: MethodRaw, Size: 300, Conns: 2, Depth: depth, Count: 200})
				if err != nil {
					t.Fatal(err)
				}
				if good := r.ErrorTotal == 0 && r.Answered == 200; good != c.good {
					t.Errorf("depth %d: %d answered, errors %s", depth, r.Answered, &r.Errors)
				}
			}
		})
	}
}
