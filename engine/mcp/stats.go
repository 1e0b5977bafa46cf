package mcp

import "sync/atomic"

// Stats is what a Server holds at one moment, and what it has refused or given
// up since its beginning. LIMITS.md says which limit each of these belongs to.
type Stats struct {
	Sessions        int    // of HTTP, those of HTTP with SSE included
	SessionsRefused uint64 // because of HTTPOptions.MaxSessions
	SessionsExpired uint64 // ended because of HTTPOptions.SessionIdle

	EventStreams   int    // event streams on HTTP that are open
	ReplayEvents   int64  // kept of event streams for clients that come back
	ReplayBytes    int64  // the memory of their buffers
	EventsNotKept  uint64 // events that were not, because of HTTPOptions.MaxReplayBytes
	EventsLost     uint64 // event streams that were ended because their client had missed an event
	ResumesRefused uint64 // clients that came back for what is not kept, or never was

	Tasks        int    // that are kept
	TaskBytes    int    // of their requests, answers and results
	TasksRunning int    // handlers of tasks that hold a worker
	TasksRefused uint64 // tasks, updates and results that a limit had no room for
	TasksExpired uint64 // that were forgotten because of their time

	SubscriptionsRefused uint64 // because of Options.MaxSubscriptions
	OpenRequestsRefused  uint64 // because of Options.MaxOpenRequests
	QuestionsRefused     uint64 // because of Options.MaxQuestions
	StatesRefused        uint64 // requestStates that were too old, or none of ours
}

// counters are the parts of Stats that only grow.
type counters struct {
	sessionsRefused, sessionsExpired          atomic.Uint64
	eventsNotKept, eventsLost, resumesRefused atomic.Uint64
	tasksRefused, tasksExpired                atomic.Uint64
	subscriptionsRefused, openRequestsRefused atomic.Uint64
	questionsRefused, statesRefused           atomic.Uint64
}

// Stats returns the server's counters. They are not taken at one instant. Safe
// from any goroutine.
func (s *Server) Stats() Stats {
	st, tt, n := &s.sessions, &s.tasks, &s.counters
	var all Stats
	st.mu.RLock()
	all.Sessions = len(st.byID) + len(st.sse)
	st.mu.RUnlock()
	s.streams.mu.Lock()
	all.EventStreams = s.streams.n
	s.streams.mu.Unlock()
	tt.mu.Lock()
	all.Tasks, all.TaskBytes, all.TasksRunning = len(tt.byID), tt.bytes, tt.runs
	tt.mu.Unlock()
	all.ReplayEvents, all.ReplayBytes = s.replayEvents.Load(), s.replayBytes.Load()
	for _, c := range []struct {
		to   *uint64
		from *atomic.Uint64
	}{
		{&all.SessionsRefused, &n.sessionsRefused}, {&all.SessionsExpired, &n.sessionsExpired},
		{&all.EventsNotKept, &n.eventsNotKept}, {&all.EventsLost, &n.eventsLost}, {&all.ResumesRefused, &n.resumesRefused},
		{&all.TasksRefused, &n.tasksRefused}, {&all.TasksExpired, &n.tasksExpired},
		{&all.SubscriptionsRefused, &n.subscriptionsRefused}, {&all.OpenRequestsRefused, &n.openRequestsRefused},
		{&all.QuestionsRefused, &n.questionsRefused}, {&all.StatesRefused, &n.statesRefused},
	} {
		*c.to = c.from.Load()
	}
	return all
}
