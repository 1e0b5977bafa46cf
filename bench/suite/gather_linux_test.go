package suite

import (
	"fmt"
	"net"
	"runtime"
	"testing"

	"golang.org/x/sys/unix"
)

// BenchmarkGather writes answers of 256 bytes to a TCP connection in the ways that a
// server has that is asked for several at once: each by itself, each by itself while
// the socket is corked (tcp(7), TCP_CORK) or all but the last with MSG_MORE, which
// leaves to the kernel what is one segment, and gathered in one buffer, as the engine
// does. An operation is an answer; cpu-ns is the writing thread's time in it, which
// has the kernel's way through the loopback device in it.
func BenchmarkGather(b *testing.B) {
	for _, answers := range []int{1, 16, 64} {
		for _, way := range []struct {
			name  string
			write func(fd int, each, all []byte, n int) error
		}{
			{"each", func(fd int, each, _ []byte, n int) error { return writeEach(fd, each, n, 0) }},
			{"cork", writeCorked},
			{"more", func(fd int, each, _ []byte, n int) error { return writeEach(fd, each, n, unix.MSG_MORE) }},
			{"gathered", writeGathered},
		} {
			b.Run(fmt.Sprintf("answers=%d/by=%s", answers, way.name), func(b *testing.B) {
				fd := drained(b)
				runtime.LockOSThread()
				defer runtime.UnlockOSThread()
				each := make([]byte, 256)
				all := make([]byte, 0, answers*len(each))
				b.ResetTimer()
				from := threadTime(b)
				for done := 0; done < b.N; done += answers {
					if err := way.write(fd, each, all, min(answers, b.N-done)); err != nil {
						b.Fatal(err)
					}
				}
				b.ReportMetric(float64(threadTime(b)-from)/float64(b.N), "cpu-ns")
			})
		}
	}
}

// writeEach writes n messages, all but the last with the flags more.
func writeEach(fd int, each []byte, n, more int) error {
	for i := range n {
		flags := more
		if i == n-1 {
			flags = 0
		}
		if err := unix.Send(fd, each, flags); err != nil {
			return err
		}
	}
	return nil
}

func writeCorked(fd int, each, _ []byte, n int) error {
	if err := unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_CORK, 1); err != nil {
		return err
	}
	if err := writeEach(fd, each, n, 0); err != nil {
		return err
	}
	return unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_CORK, 0)
}

func writeGathered(fd int, each, all []byte, n int) error {
	for range n {
		all = append(all, each...)
	}
	return unix.Send(fd, all, 0)
}

// threadTime is the CPU time of this thread in nanoseconds.
func threadTime(b *testing.B) int64 {
	var t unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &t); err != nil {
		b.Fatal(err)
	}
	return t.Nano()
}

// drained is a blocking socket with TCP_NODELAY whose other end reads all there is.
func drained(b *testing.B) int {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	out, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		b.Fatal(err)
	}
	in, err := l.Accept()
	if err != nil {
		b.Fatal(err)
	}
	file, err := out.(*net.TCPConn).File()
	if err != nil {
		b.Fatal(err)
	}
	_ = out.Close()      // the file is a descriptor of its own
	fd := int(file.Fd()) // blocking from here on
	end, buf := make(chan struct{}), make([]byte, 1<<20)
	go func() {
		defer close(end)
		for {
			if _, err := in.Read(buf); err != nil {
				return
			}
		}
	}()
	b.Cleanup(func() {
		_ = file.Close()
		<-end
		_ = in.Close()
	})
	return fd
}
