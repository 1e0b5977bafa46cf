package codec

import "github.com/valyala/fastjson"

// Tree returns the object as a tree of package fastjson, for handlers that want
// one. p copies the text: the tree is valid until p parses again, whatever
// becomes of the message, and p allocates as it grows.
func (o Object) Tree(p *fastjson.Parser) (*fastjson.Value, error) {
	if len(o.raw) == 0 {
		return p.Parse("{}")
	}
	return p.ParseBytes(o.raw)
}
