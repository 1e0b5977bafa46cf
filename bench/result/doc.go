// Package result is what the load tool measured, as a file: a versioned JSON
// schema that is written, read again, compared and drawn. Every value is
// measured or absent.
package result
