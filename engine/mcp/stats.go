package mcp

// Stats is what a Server holds at one moment, and has given up.
type Stats struct {
	Sessions      int    // of HTTP, those of HTTP with SSE included
	EventStreams  int    // event streams on HTTP that are open
	ReplayEvents  int64  // kept of event streams for clients that come back
	ReplayBytes   int64  // the memory of their buffers
	EventsNotKept uint64 // events that were not, because of HTTPOptions.MaxReplayBytes
	EventsLost    uint64 // event streams that were ended because their client had missed an event
}

// Stats returns the server's counters. They are not taken at one instant. Safe
// from any goroutine.
func (s *Server) Stats() Stats {
	st := &s.sessions
	st.mu.RLock()
	n := len(st.byID) + len(st.sse)
	st.mu.RUnlock()
	s.streams.mu.Lock()
	open := s.streams.n
	s.streams.mu.Unlock()
	return Stats{
		Sessions: n, EventStreams: open,
		ReplayEvents: s.replayEvents.Load(), ReplayBytes: s.replayBytes.Load(), EventsNotKept: s.eventsNotKept.Load(), EventsLost: s.eventsLost.Load(),
	}
}
