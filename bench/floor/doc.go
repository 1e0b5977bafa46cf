// Command floor is a bare gnet echo server: what the event loop and the kernel
// cost before anybody looks at a message. Figures of the engine are stated as
// ratios of it, from one interleaved run on one machine.
//
//	floor [-mode line|raw|http] [-addr HOST:PORT|unix:///PATH] [-loops N]
//
//	raw    every readable event is echoed with one write
//	line   every line is found; the whole lines of a readable event are echoed
//	       with one write, a partial one waits for its rest
//	http   every whole request of HTTP/1.1 with a Content-Length is answered by
//	       its body; on one loop
//
// It prints the address that it bound as one line (tcp://HOST:PORT or
// unix:///PATH) on standard output, and ends at SIGINT or SIGTERM. Exit codes:
// 0 ended by a signal, 1 failed, 2 usage.
//
// The floor of stdio is cat; it needs no program of ours.
//
// # Threads and ownership
//
// gnet calls the handler on the loop that owns the connection. The bytes of an
// event belong to that loop's read buffer and are written before the event
// ends; nothing is kept. A connection that holds more than 16 MiB of input or
// output is closed, so a peer that does not read costs no more than that.
package main
