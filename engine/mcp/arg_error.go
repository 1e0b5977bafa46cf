package mcp

// ArgError says which argument of a tool is not as the tool wants it. What the
// client gets for it depends on the revision: a result with isError from
// 2025-11-25 on, where models see it and can mend their call, and the JSON-RPC
// error -32602 before.
type ArgError struct {
	Path    string // of the argument, such as "city" or "stops[2].name"; at most 256 bytes are shown
	Want    string // completes "must be …"
	Missing bool   // it was not given at all
}

const argPathMax = 256

// Error returns the text.
func (e *ArgError) Error() string { return "mcp: " + e.text() }

func (e *ArgError) text() string {
	path := clip(e.Path, argPathMax)
	switch {
	case path == "":
		return "arguments must be " + e.Want
	case e.Missing:
		return path + " is missing; it must be " + e.Want
	}
	return path + " must be " + e.Want
}
