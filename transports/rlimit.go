package transports

import (
	"fmt"
	"log/slog"

	"golang.org/x/sys/unix"
)

// descriptorReserve returns how many of files a process keeps for what it needs
// beside its connections: listeners, event loops, files, and one duplicate for
// each connection that is answered after its peer's end of input.
func descriptorReserve(files int64) int64 {
	return min(descriptorReserveMax, max(24, files/4))
}

const descriptorReserveMax = 256

// connectionLimit raises the soft limit of open files to the hard one and
// returns how many connections may be open. A number that the user asked for
// and that does not fit is an error; the default is lowered with a warning.
func connectionLimit(asked int, log *slog.Logger) (int64, error) {
	files := int64(1 << 20)
	var r unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &r); err == nil {
		if r.Cur < r.Max {
			up := unix.Rlimit{Cur: r.Max, Max: r.Max}
			if unix.Setrlimit(unix.RLIMIT_NOFILE, &up) == nil {
				r = up
			}
		}
		files = int64(min(uint64(r.Cur), 1<<31))
	}
	room := max(1, files-descriptorReserve(files))
	switch {
	case asked > 0 && int64(asked) > room:
		return 0, fmt.Errorf("transports: Options.MaxConnections is %d, but this process may open %d files; raise the hard limit (ulimit -Hn, LimitNOFILE=) to %d at least",
			asked, files, int64(asked)+descriptorReserveMax)
	case asked > 0:
		return int64(asked), nil
	case DefaultMaxConnections > room:
		log.Warn("fewer connections than the default fit into the limit of open files", "connections", room, "files", files, "default", DefaultMaxConnections)
		return room, nil
	}
	return DefaultMaxConnections, nil
}
