package load

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
)

// Revisions of the protocol that can be spoken.
var Revisions = []string{"2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25", modernRevision}

// DefaultRevision is what is asked for; the server may answer another.
const DefaultRevision = "2025-11-25"

// modernRevision has neither initialize nor sessions: each request says whose
// it is.
const modernRevision = "2026-07-28"

// modern says that requests carry _meta and nothing opens a session.
func (o *Options) modern() bool { return o.Revision == modernRevision }

func knownRevision(r string) bool { return slices.Contains(Revisions, r) }

// initializedLine tells the server that the session is open.
const initializedLine = `{"jsonrpc":"2.0","method":"notifications/initialized"}` + "\n"

// initializeLine opens an MCP session.
func initializeLine(revision string) string {
	return `{"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"` + revision +
		`","capabilities":{},"clientInfo":{"name":"gannet-load","version":"1"}}}` + "\n"
}

// errNoProtocol is an initialize result that is none.
var errNoProtocol = errors.New("load: the reply to initialize names no protocol version")

// checkInitialize judges a message that came after initializeLine and returns
// the revision that the server speaks. It is "" for a notification, after which
// the reply is still to come.
func checkInitialize(line []byte) (revision string, err error) {
	var env struct {
		ID     *int64  `json:"id"`
		Method *string `json:"method"`
		Result *struct {
			ProtocolVersion string `json:"protocolVersion"`
		} `json:"result"`
	}
	if err := json.Unmarshal(line, &env); err != nil {
		return "", fmt.Errorf("load: the reply to initialize is not JSON (nothing but MCP may come there; the log of a server on standard streams goes to standard error): %.300q", line)
	}
	switch {
	case env.Method != nil && env.ID == nil:
		return "", nil
	case env.ID == nil || *env.ID != 0 || env.Result == nil:
		return "", fmt.Errorf("load: initialize was refused: %.300q", line)
	case env.Result.ProtocolVersion == "":
		return "", errNoProtocol
	}
	return env.Result.ProtocolVersion, nil
}
