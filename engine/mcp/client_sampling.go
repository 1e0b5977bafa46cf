package mcp

import (
	"context"
	"encoding/json"
	"errors"
)

// sample answers sampling/createMessage.
func (s *ClientSession) sample(ctx context.Context, rev *revision, raw json.RawMessage) (any, error) {
	r := &SamplingRequest{Raw: raw}
	if err := json.Unmarshal(raw, r); err != nil {
		return nil, invalidParams(err.Error())
	}
	if (r.Tools != nil || r.ToolChoice != nil) && !(rev.samplingTools() && s.client.opts.SamplingTools) {
		return nil, invalidParams("the client did not declare sampling.tools")
	}
	res, err := s.client.opts.Sampling(ctx, r)
	switch {
	case err != nil:
		return nil, err
	case res == nil || len(res.Content) == 0:
		return nil, errors.New("mcp: ClientOptions.Sampling returned no content and no error")
	case len(res.Content) > 1 && !rev.samplingTools():
		return nil, errors.New("mcp: ClientOptions.Sampling returned several blocks, but revision " + rev.name + " has room for one")
	}
	answer := *res
	if answer.Role == "" {
		answer.Role = Assistant
	}
	return answer, nil
}
