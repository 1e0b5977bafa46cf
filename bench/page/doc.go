// Package page binds the figures of PERFORMANCE.md to stored results, for tests.
//
// Before each table, and each paragraph with figures that were measured, stands a
// comment that says where they are from:
//
//	<!-- figures: bench/baseline/suite.json -->
//	<!-- figures: bench/baseline/registry.txt two-cpus -->
//
// A test of the program that writes such a file renders it again and compares
// (Check): rows of a table must be rows of what was rendered, a paragraph with a name
// must be that text. A test here sees to it that no table and no such paragraph is
// without, and that each file is compared by some test. After a new measurement
//
//	GANNET_UPDATE_PAGE=1 go test -p 1 -run Page ./bench/...
//
// writes the page anew from the results.
package page
