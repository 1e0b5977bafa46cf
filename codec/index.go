package codec

// indexed walks the members of an object, whose first byte after the brace is
// b[i], and notes their places.
func (s *scanner) indexed(m *Message, b []byte, i int) (int, fault) {
	if s.depth--; s.depth < 0 {
		return i - 1, faultDepth
	}
	var (
		f     fault
		names uint64 // a bit for each name noted, by a hash of it
	)
	if i = space(b, i); i >= len(b) {
		return i, faultEnd
	}
	if b[i] == '}' {
		s.depth++
		return i + 1, ok
	}
	for {
		// A name.
		if uint(i) >= uint(len(b)) {
			return i, faultEnd
		}
		if b[i] != '"' {
			if i = space(b, i); i >= len(b) {
				return i, faultEnd
			}
			if b[i] != '"' {
				return i, faultKey
			}
		}
		if s.members--; s.members < 0 {
			return i, faultMembers
		}
		key := i + 1
		if i, f = str(b, key); f > escaped {
			return i, f
		}
		x := Member{KeyOff: uint32(key), KeyEnd: uint32(i)}
		bit := ^uint64(0)
		if f == escaped {
			x.KeyEnd |= memberEscaped
		} else if i > key {
			bit = 1 << ((uint(b[key])*7 + uint(b[i-1])*3 + uint(i-key)) & 63)
		}
		if i++; uint(i) < uint(len(b)) && b[i] == ':' {
			i++
		} else if i, f = colon(b, i); f != ok {
			return i, f
		}
		if uint(i) < uint(len(b)) && b[i] <= ' ' {
			i = space(b, i)
		}

		// Its value.
		x.ValOff = uint32(i)
		if i, f = s.value(b, i); f != ok {
			return i, f
		}
		x.ValEnd = uint32(i)
		switch {
		case m.count >= membersIndexed:
			m.overflow = true
		case names&bit != 0 && m.hasMember(b, x):
			return key, faultDuplicate
		default:
			m.members[m.count] = x
			m.count++
			names |= bit
		}

		// What follows.
		if uint(i) >= uint(len(b)) {
			return i, faultEnd
		}
		if b[i] <= ' ' {
			if i = space(b, i); i >= len(b) {
				return i, faultEnd
			}
		}
		switch b[i] {
		case ',':
			i++
		case '}':
			s.depth++
			return i + 1, ok
		default:
			return i, faultComma
		}
	}
}

// hasMember reports whether x's name is in the index already.
func (m *Message) hasMember(b []byte, x Member) bool {
	for i := range m.members[:m.count] {
		if sameName(b, m.members[i], x) {
			return true
		}
	}
	return false
}

func sameName(b []byte, x, y Member) bool {
	if (x.KeyEnd|y.KeyEnd)&memberEscaped == 0 {
		return x.KeyEnd-x.KeyOff == y.KeyEnd-y.KeyOff && string(b[x.KeyOff:x.KeyEnd]) == string(b[y.KeyOff:y.KeyEnd])
	}
	return equalNames(b[x.KeyOff:x.KeyEnd&^memberEscaped], b[y.KeyOff:y.KeyEnd&^memberEscaped])
}
