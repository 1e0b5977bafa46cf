package codec

// Array is an array of a message that was parsed. It aliases the message. The
// zero Array has no elements.
type Array struct{ raw []byte }

// Raw returns the JSON text, empty for the zero Array.
func (a Array) Raw() []byte { return a.raw }

// Elements iterates over the elements of an array.
type Elements struct {
	b []byte
	i int
}

// Elements returns an iterator over the elements.
func (a Array) Elements() Elements { return Elements{b: a.raw, i: 1} }

// Next returns the next element. It aliases the message.
func (t *Elements) Next() (v Value, more bool) {
	i := space(t.b, t.i)
	if i >= len(t.b) || t.b[i] == ']' {
		return Value{}, false
	}
	end := skip(t.b, i)
	t.i = comma(t.b, end)
	return Value{t.b[i:end]}, true
}

// Len returns the number of elements.
func (a Array) Len() (n int) {
	for it := a.Elements(); ; n++ {
		if _, more := it.Next(); !more {
			return n
		}
	}
}
