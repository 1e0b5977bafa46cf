// Command guest runs a program in a Linux guest of its own, under emulation,
// where a process may have 200,000 open files: what 50,000 connections to one
// process cost is measured so on a machine that does not allow them.
//
//	bench/guest/run.sh bench/baseline/perf-conns-guest.json
//
// The script fetches an emulator and a kernel and calls, in effect,
//
//	guest --kernel vmlinuz --bring bin/perf --bring bin/gannet --fetch /tmp/conns.json --out conns.json -- \
//	  perf conns --spawn 1 -n 50000 --save /tmp/conns.json
//
// The guest is a kernel and an initial file system of this same program, as
// /init, and of what is brought; nothing else is in it, no disk, no network but
// loopback. Its console is standard error here. Processor times in a guest
// under emulation say nothing of real ones; counts and bytes of memory do.
package main
