package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"

	mcpgoserver "github.com/mark3labs/mcp-go/server"
)

// maxBody bounds a message, in bytes.
const maxBody = 16 << 20

// bodies answers each POST by what the library says to its body.
type bodies struct{ s *mcpgoserver.MCPServer }

// ServeHTTP answers one POST.
func (b bodies) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	answer := b.s.HandleMessage(r.Context(), body)
	if answer == nil { // to a notification
		w.WriteHeader(http.StatusAccepted)
		return
	}
	out, err := json.Marshal(answer)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(out)
}

// serveLines answers the messages of in, one a line, until its end. What arrived
// together is answered together: output is flushed when no more input waits.
func serveLines(s *mcpgoserver.MCPServer, in io.Reader, out io.Writer) error {
	r, w := bufio.NewReaderSize(in, 64<<10), bufio.NewWriterSize(out, 64<<10)
	for {
		line, err := r.ReadBytes('\n')
		if errors.Is(err, io.EOF) {
			return w.Flush()
		}
		if err != nil {
			return err
		}
		if answer := s.HandleMessage(context.Background(), line); answer != nil {
			b, err := json.Marshal(answer)
			if err != nil {
				return err
			}
			if _, err := w.Write(append(b, '\n')); err != nil {
				return err
			}
		}
		if r.Buffered() == 0 {
			if err := w.Flush(); err != nil {
				return err
			}
		}
	}
}
