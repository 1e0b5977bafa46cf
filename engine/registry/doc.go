// Package registry finds things by name, from any goroutine, without a lock
// on the reading side.
//
// There are two kinds of table, by who inserts:
//
//   - Names holds what an operator registers: tools, prompts, fixed resources.
//     There are few of them, they change rarely, and every call looks one up.
//     The whole table is one immutable snapshot behind an atomic pointer.
//   - Table holds what peers insert: sessions, topics, ids. It is cut into
//     shards by xxhash; inside a shard the hash is keyed, since a peer can
//     easily make thousands of names with one xxhash value.
//
// Both keep entries in groups of one cache line:
//
//	┌──────── control word ────────┬────────┬────────┬─ … ─┬────────┐
//	│ 7 tags of 8 bits │ go on? 8b │ slot 0 │ slot 1 │     │ slot 6 │
//	└──────────────────────────────┴────────┴────────┴─ … ─┴────────┘
//
// A look-up compares all seven tags at once, looks at the entries whose tag
// matches, and goes on to the next group only if the group says so.
package registry
