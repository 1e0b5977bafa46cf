package httpfield

// Class is a set of bytes, or several together.
type Class uint8

// The classes.
const (
	Token    Class = 1 << iota // tchar, RFC 9110 §5.6.2
	Name                       // tchar but for capitals: a name in HTTP/2, RFC 9113 §8.2.1
	Target                     // may stand in a path and a query as it is
	RegName                    // reg-name without percent-encoding, RFC 3986 §3.2.2
	Digit                      // DIGIT
	HexDigit                   // HEXDIG, small letters too
)

// classes says what each byte may be part of.
//
// A target may hold any visible character but # " < > \ and the percent sign,
// which is looked at on its own: RFC 3986 has fewer, but browsers send brackets,
// braces, bars and the like in a query as they are. Nothing at or above 0x80.
var classes = func() (t [256]Class) {
	for c := '!'; c <= '~'; c++ {
		t[c] |= Target
	}
	for _, c := range `#"<>\%` {
		t[c] &^= Target
	}
	for _, c := range "0123456789abcdefghijklmnopqrstuvwxyz" {
		t[c] |= Name | Token | RegName
	}
	for _, c := range "ABCDEFGHIJKLMNOPQRSTUVWXYZ" {
		t[c] |= Token | RegName
	}
	for _, c := range "!#$%&'*+-.^_`|~" {
		t[c] |= Name | Token
	}
	for _, c := range "-._~!$&'()*+,;=" {
		t[c] |= RegName
	}
	for _, c := range "0123456789" {
		t[c] |= Digit
	}
	for _, c := range "0123456789abcdefABCDEF" {
		t[c] |= HexDigit
	}
	return t
}()

// Has reports whether b is of the class.
func (c Class) Has(b byte) bool { return classes[b]&c != 0 }

// All reports whether every byte of b is of the class; so it is of none.
func (c Class) All(b []byte) bool {
	for _, v := range b {
		if classes[v]&c == 0 {
			return false
		}
	}
	return true
}

// lower maps ASCII capitals to small letters.
var lower = func() (t [256]byte) {
	for c := range t {
		t[c] = byte(c)
		if 'A' <= c && c <= 'Z' {
			t[c] |= 0x20
		}
	}
	return t
}()

// Lower returns b, an ASCII capital as a small letter.
func Lower(b byte) byte { return lower[b] }

// EqualFold reports whether a and b are equal, ASCII letters in either case.
func EqualFold[A, B ~string | ~[]byte](a A, b B) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range len(a) {
		if a[i] != b[i] && Lower(a[i]) != Lower(b[i]) {
			return false
		}
	}
	return true
}
