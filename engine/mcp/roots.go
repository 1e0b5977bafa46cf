package mcp

import (
	"encoding/json"
	"errors"

	"github.com/gannetmcp/gannet/codec"
)

// Root is a folder or file that a server may work in. URI is a file:// one.
type Root struct {
	URI  string `json:"uri"`
	Name string `json:"name,omitempty"`
}

// Roots asks where the server may work, like Elicit.
func (c *Call) Roots(key string) ([]Root, error) {
	b, err := c.ask(&question{key: key, method: "roots/list", params: emptyResult, needs: canRoots, lacks: `{"roots":{}}`, judge: judgeRoots})
	if err != nil {
		return nil, err
	}
	var r struct{ Roots []Root }
	return r.Roots, json.Unmarshal(b, &r)
}

func judgeRoots(b []byte) error {
	roots, ok := codec.RawValue(b).Object().Get("roots")
	if !ok || roots.Kind() != codec.ArrayKind {
		return errors.New("roots must be an array")
	}
	var r []Root
	if err := json.Unmarshal(roots.Raw(), &r); err != nil {
		return err
	}
	for i := range r {
		if r[i].URI == "" {
			return errors.New("each root must have a uri")
		}
	}
	return nil
}
