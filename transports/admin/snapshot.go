package admin

import (
	"fmt"

	"github.com/gannetmcp/gannet/engine"
	"github.com/gannetmcp/gannet/engine/mcp"
	"github.com/gannetmcp/gannet/ringbuf"
	"github.com/gannetmcp/gannet/transports"
	"github.com/gannetmcp/gannet/transports/web"
)

// snapshot writes the counters of a server.
func (m *metrics) snapshot(s transports.Snapshot) {
	e := &s.Engine
	for _, g := range []struct {
		name, help string
		v          int64
	}{
		{"gannet_connections", "Connections open now.", e.Connections},
		{"gannet_calls_in_flight", "Calls off the event loops now.", e.InFlight},
		{"gannet_buffered_bytes", "Bytes charged to the budget for partial messages, output and calls now.", e.BufferedBytes},
		{"gannet_lingering_connections", "Connections that are answered after their peer's end of input now.", s.Lingering},
	} {
		m.one(g.name, "gauge", g.help, g.v)
	}
	for _, c := range []struct {
		name, help string
		v          uint64
	}{
		{"gannet_connections_opened_total", "Connections ever opened.", e.Opened},
		{"gannet_connections_outlived_total", "Connections that calls of theirs outlived.", e.Outlived},
		{"gannet_accepted_total", "Sockets accepted.", s.Accepted},
		{"gannet_accept_errors_total", "Accepts that failed.", s.AcceptErrors},
		{"gannet_over_limit_total", "Sockets turned away because of MaxConnections.", s.OverLimit},
		{"gannet_messages_received_total", "Messages taken in.", e.MessagesIn},
		{"gannet_received_bytes_total", "Bytes of these.", e.BytesIn},
		{"gannet_messages_sent_total", "Messages sent.", e.MessagesOut},
		{"gannet_sent_bytes_total", "Bytes taken by transports.", e.BytesOut},
		{"gannet_writes_total", "Writes that took something.", e.Writes},
		{"gannet_calls_inline_total", "Requests answered on an event loop.", e.CallsInline},
		{"gannet_calls_pooled_total", "Requests answered from the worker pool.", e.CallsPooled},
		{"gannet_calls_refused_total", "Requests refused as overloaded or shutting down.", e.CallsRefused},
		{"gannet_calls_cancelled_total", "Calls that their peers cancelled.", e.CallsCanceled},
		{"gannet_calls_timed_out_total", "Calls that ran over their time.", e.CallsTimedOut},
		{"gannet_panics_total", "Panics contained.", e.Panics},
		{"gannet_parse_errors_total", "Messages that were no JSON.", e.ParseErrors},
		{"gannet_invalid_total", "Messages that were no JSON-RPC.", e.Invalid},
		{"gannet_errors_sent_total", "Error answers.", e.ErrorsOut},
		{"gannet_oversized_total", "Messages refused for their size.", e.Oversized},
		{"gannet_over_budget_total", "Borrows that the byte budget refused.", e.OverBudget},
		{"gannet_held_input_total", "Times that a peer's input waited for it to read.", e.HeldInput},
		{"gannet_pushes_refused_total", "Notifications refused because too many were queued.", e.PushRefused},
	} {
		m.one(c.name, "counter", c.help, c.v)
	}
	ws := &s.WebSockets
	m.one("gannet_websockets", "gauge", "WebSockets open now.", ws.Open)
	m.one("gannet_websockets_opened_total", "counter", "Handshakes of WebSockets that succeeded.", ws.Opened)
	m.one("gannet_websocket_pings_sent_total", "counter", "Pings to WebSocket clients.", ws.Pings)
	m.one("gannet_websocket_pongs_left_out_total", "counter", "Pings of clients that did not read, not answered for a later one.", ws.PongsLeftOut)
	m.one("gannet_websocket_closes_unanswered_total", "counter", "Close frames that the client did not answer in time.", ws.Unanswered)
	m.one("gannet_websocket_outpaced_total", "counter", "Compressed messages refused because more came of them than there was time for.", ws.Outpaced)
	m.head("gannet_websocket_failed_total", "counter", "WebSockets whose client broke the protocol, by kind.")
	for f := range ws.Failed {
		fmt.Fprintf(m.w, "gannet_websocket_failed_total{kind=%q} %d\n", web.Failure(f).String(), ws.Failed[f])
	}
	m.handshakes(&s)
	m.head("gannet_http_refused_total", "counter", "HTTP requests refused before their message was looked at, by reason.")
	for r := range s.HTTPRefused {
		fmt.Fprintf(m.w, "gannet_http_refused_total{reason=%q} %d\n", web.Refusal(r).String(), s.HTTPRefused[r])
	}
	for _, c := range []struct {
		name, help string
		v          uint64
	}{
		{"gannet_http2_connections_total", "Connections of HTTP/2.", s.HTTP2.Connections},
		{"gannet_http2_requests_total", "Requests that were complete.", s.HTTP2.Requests},
		{"gannet_http2_peer_resets_total", "Streams that their peers have reset.", s.HTTP2.PeerResets},
		{"gannet_http2_errors_total", "Streams reset because their peers broke a rule.", s.HTTP2.Errors},
		{"gannet_http2_refused_total", "Streams that there was no room for.", s.HTTP2.Refused},
		{"gannet_http2_kept_total", "Requests that waited for their peers to read.", s.HTTP2.Kept},
		{"gannet_http2_slow_readers_total", "Streams reset because their peers did not read them.", s.HTTP2.SlowReaders},
	} {
		m.one(c.name, "counter", c.help, c.v)
	}
	m.head("gannet_http2_failed_total", "counter", "Connections of HTTP/2 ended for what their peers did, by reason.")
	for f := range s.HTTP2.Failed {
		fmt.Fprintf(m.w, "gannet_http2_failed_total{reason=%q} %d\n", web.HTTP2Failure(f).String(), s.HTTP2.Failed[f])
	}
	m.head("gannet_connections_closed_total", "counter", "Connections that have ended, by reason.")
	for r := range e.Closed {
		fmt.Fprintf(m.w, "gannet_connections_closed_total{reason=%q} %d\n", engine.CloseReason(r).String(), e.Closed[r])
	}
}

// buffers writes the counters of the buffers that connections borrow. Of those
// that are lent some lie idle with their event loops; the rest is in use.
func (m *metrics) buffers(s ringbuf.PoolStats) {
	m.one("gannet_buffers_lent", "gauge", "Buffers in use now.", s.Outstanding-s.Cached)
	m.one("gannet_buffers_retained_bytes", "gauge", "Bytes of idle buffers that the pool keeps now.", s.Retained)
	m.one("gannet_buffers_got_total", "counter", "Buffers ever borrowed.", s.Gets)
	m.one("gannet_buffers_missed_total", "counter", "Of these, buffers that had to be allocated.", s.Misses)
}

// stats writes the counters of MCP.
func (m *metrics) stats(s mcp.Stats) {
	m.one("gannet_http_sessions", "gauge", "Sessions on HTTP now.", s.Sessions)
	m.one("gannet_event_streams", "gauge", "Event streams open now.", s.EventStreams)
	m.one("gannet_replay_events", "gauge", "Events kept for clients that come back now.", s.ReplayEvents)
	m.one("gannet_replay_bytes", "gauge", "Bytes of their buffers now.", s.ReplayBytes)
	m.one("gannet_tasks", "gauge", "Tasks kept now.", s.Tasks)
	m.one("gannet_task_bytes", "gauge", "Bytes kept of tasks now.", s.TaskBytes)
	m.one("gannet_tasks_running", "gauge", "Handlers of tasks that hold a worker now.", s.TasksRunning)
	for _, c := range []struct {
		name, help string
		v          uint64
	}{
		{"gannet_sessions_refused_total", "Sessions that MaxSessions had no room for.", s.SessionsRefused},
		{"gannet_sessions_expired_total", "Sessions on HTTP ended because they were idle.", s.SessionsExpired},
		{"gannet_events_not_kept_total", "Events that MaxReplayBytes had no room for.", s.EventsNotKept},
		{"gannet_events_lost_total", "Event streams ended because their client had missed an event.", s.EventsLost},
		{"gannet_resumes_refused_total", "Clients that came back for events that are not kept.", s.ResumesRefused},
		{"gannet_tasks_refused_total", "Tasks, updates and results of tasks that a limit had no room for.", s.TasksRefused},
		{"gannet_tasks_expired_total", "Tasks forgotten because of their time.", s.TasksExpired},
		{"gannet_subscriptions_refused_total", "Subscriptions that MaxSubscriptions had no room for.", s.SubscriptionsRefused},
		{"gannet_open_requests_refused_total", "Requests that MaxOpenRequests had no room for.", s.OpenRequestsRefused},
		{"gannet_questions_refused_total", "Questions to clients that MaxQuestions had no room for.", s.QuestionsRefused},
		{"gannet_states_refused_total", "Values of requestState that were too old or not the server's.", s.StatesRefused},
	} {
		m.one(c.name, "counter", c.help, c.v)
	}
}
