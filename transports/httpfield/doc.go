// Package httpfield is the syntax that the versions of HTTP share (RFC 9110): what
// names, values and lists of fields are made of, and the few values that every
// version reads, Host and Content-Length. What a version makes of what is malformed
// is its own affair.
//
// Nothing here allocates, keeps what it is given, or has state. All is safe from any
// goroutine.
package httpfield
