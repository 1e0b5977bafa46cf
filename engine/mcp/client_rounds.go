package mcp

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/gannetmcp/gannet/codec"
)

// What a result of revision 2026-07-28 is (resultType).
const (
	resultComplete      = "complete"
	resultInputRequired = "input_required"
	resultTask          = "task"
)

const (
	inputRequestsMax = 64                     // of one result
	roundPause       = 100 * time.Millisecond // times the round, before a retry that brings nothing new
)

// inputRequest is what a server wants to know before it goes on.
type inputRequest struct {
	Method string
	Params json.RawMessage
}

// outcome is the members of a result that say what it is.
type outcome struct {
	ResultType    *string
	InputRequests map[string]inputRequest
	RequestState  json.RawMessage // echoed as it came
}

// outcomeOf reads what a result is.
func outcomeOf(method string, raw json.RawMessage) (outcome, string, error) {
	var out outcome
	if err := decodeResult(method, raw, &out); err != nil {
		return out, "", err
	}
	if out.ResultType == nil {
		return out, resultComplete, nil
	}
	return out, *out.ResultType, nil
}

// ask sends a request until its server has an answer: it gives the input that
// a result asks for (2026-07-28, "Multi round-trip requests") and waits for a
// task where the result is one.
func (s *ClientSession) ask(ctx context.Context, method string, base params, o requestOptions) (json.RawMessage, error) {
	p := base
	renewed := false
	for round := 1; ; round++ {
		l, err := s.current(ctx)
		if err != nil {
			return nil, err
		}
		rev := l.rev.Load()
		if rev.coreTasks && o.task {
			p = p.with("task", o.taskParams())
		}
		raw, err := l.request(ctx, rev, method, p, o)
		if err != nil && !renewed && method == askToolsCall && rev.modern && isHeaderMismatch(err) {
			// The transport mirrors arguments in headers by the tool's schema,
			// which is unknown or has changed (2026-07-28, "Standard headers").
			renewed = true
			if _, lerr := s.ListTools(ctx); lerr == nil {
				raw, err = l.request(ctx, rev, method, p, o)
			}
		}
		if err != nil {
			return nil, err
		}
		if !rev.modern {
			if rev.coreTasks && o.task {
				return s.legacyTask(ctx, method, raw, o)
			}
			return raw, nil
		}
		out, kind, err := outcomeOf(method, raw)
		if err != nil {
			return nil, err
		}
		switch {
		case kind == resultComplete:
			return raw, nil
		case kind == resultTask && method == askToolsCall && s.client.opts.Tasks:
			return s.modernTask(ctx, raw, o)
		case kind != resultInputRequired || !mayAskInput(method):
			return nil, fmt.Errorf("%w: resultType %q of %s", ErrBadAnswer, clip(kind, versionShown), method)
		case round > s.client.opts.MaxRounds:
			return nil, fmt.Errorf("%w: %s, %d times (ClientOptions.MaxRounds)", ErrTooManyRounds, method, s.client.opts.MaxRounds)
		}
		if p, err = s.nextRound(ctx, rev, method, base, out, round); err != nil {
			return nil, err
		}
	}
}

// isHeaderMismatch reports whether the server refuses header fields.
func isHeaderMismatch(err error) bool {
	var rpc *Error
	return errors.As(err, &rpc) && rpc.Code == codec.CodeHeaderMismatch
}

// mayAskInput reports whether a method's result may ask for input.
func mayAskInput(method string) bool {
	return method == askToolsCall || method == "prompts/get" || method == "resources/read"
}

// nextRound returns the params of the retry: those of the request, the input,
// and the exact state. Both belong to that retry only.
func (s *ClientSession) nextRound(ctx context.Context, rev *revision, method string, base params, out outcome, round int) (params, error) {
	hasState := len(out.RequestState) > 0
	switch {
	case hasState && out.RequestState[0] != '"':
		return nil, fmt.Errorf("%w: requestState of %s is no string", ErrBadAnswer, method)
	case out.InputRequests == nil && !hasState:
		return nil, fmt.Errorf("%w: %s asks for input and does not say for which", ErrBadAnswer, method)
	}
	if len(out.InputRequests) == 0 { // it wants to be asked later
		if err := wait(ctx, time.Duration(round)*roundPause); err != nil {
			return nil, err
		}
	}
	responses, err := s.answerInputs(ctx, rev, method, out.InputRequests)
	if err != nil {
		return nil, err
	}
	p := base.with("inputResponses", mustMarshal(responses))
	if hasState {
		p["requestState"] = out.RequestState
	}
	return p, nil
}

// answerInputs answers what a server asks for, by the handlers that also
// answer its requests in the legacy era, one after the other.
func (s *ClientSession) answerInputs(ctx context.Context, rev *revision, method string, asked map[string]inputRequest) (map[string]json.RawMessage, error) {
	if len(asked) > inputRequestsMax {
		return nil, fmt.Errorf("%w: %s asks for %d inputs at once", ErrBadAnswer, method, len(asked))
	}
	responses := make(map[string]json.RawMessage, len(asked))
	for _, key := range slices.Sorted(maps.Keys(asked)) {
		r, err := s.answerInput(ctx, rev, asked[key].Method, asked[key].Params)
		if err != nil {
			return nil, fmt.Errorf("mcp: %s asks for %s: %w", method, clip(asked[key].Method, versionShown), err)
		}
		responses[key] = r
	}
	return responses, nil
}
