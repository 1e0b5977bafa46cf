package load

import (
	"errors"
	"strconv"
	"strings"
)

// userHZ is how many ticks of /proc/PID/stat make a second. The kernel scales
// them for user space to this figure on every architecture that Go runs on.
const userHZ = 100

var errProcFormat = errors.New("load: /proc is not as expected")

// parseStat takes the user and system time, in seconds, of a whole process out
// of /proc/PID/stat (proc_pid_stat(5), fields 14 and 15). The command name in
// the second field may hold any byte, so fields are counted from its last
// parenthesis.
func parseStat(s string) (user, system float64, err error) {
	i := strings.LastIndexByte(s, ')')
	if i < 0 {
		return 0, 0, errProcFormat
	}
	f := strings.Fields(s[i+1:])
	const utime, stime = 14 - 3, 15 - 3 // the first field behind the name is the third
	if len(f) <= stime {
		return 0, 0, errProcFormat
	}
	u, err1 := strconv.ParseUint(f[utime], 10, 63)
	k, err2 := strconv.ParseUint(f[stime], 10, 63)
	if err1 != nil || err2 != nil {
		return 0, 0, errProcFormat
	}
	return float64(u) / userHZ, float64(k) / userHZ, nil
}

// parseStatPages takes the resident pages out of /proc/PID/stat (field 24).
func parseStatPages(s string) (int64, error) {
	f := strings.Fields(s[strings.LastIndexByte(s, ')')+1:])
	const rss = 24 - 3
	if len(f) <= rss {
		return 0, errProcFormat
	}
	n, err := strconv.ParseInt(f[rss], 10, 64)
	if err != nil || n < 0 {
		return 0, errProcFormat
	}
	return n, nil
}

// parseStatus takes one figure out of /proc/PID/status (proc_pid_status(5)),
// such as VmRSS, whose unit kB is turned to bytes, or voluntary_ctxt_switches.
func parseStatus(s, key string) (int64, error) {
	for line := range strings.Lines(s) {
		name, rest, ok := strings.Cut(line, ":")
		if !ok || name != key {
			continue
		}
		f := strings.Fields(rest)
		if len(f) == 0 {
			return 0, errProcFormat
		}
		n, err := strconv.ParseInt(f[0], 10, 64)
		switch {
		case err != nil || n < 0:
			return 0, errProcFormat
		case len(f) == 2 && f[1] == "kB":
			return n << 10, nil
		case len(f) > 1:
			return 0, errProcFormat
		}
		return n, nil
	}
	return 0, errProcFormat
}

// parseSchedstat takes the seconds on a CPU and the seconds spent ready to run
// without one out of /proc/PID/task/TID/schedstat (nanoseconds there).
func parseSchedstat(s string) (running, waiting float64, err error) {
	f := strings.Fields(s)
	if len(f) != 3 {
		return 0, 0, errProcFormat
	}
	r, err1 := strconv.ParseUint(f[0], 10, 63)
	w, err2 := strconv.ParseUint(f[1], 10, 63)
	if err1 != nil || err2 != nil {
		return 0, 0, errProcFormat
	}
	return float64(r) / 1e9, float64(w) / 1e9, nil
}
