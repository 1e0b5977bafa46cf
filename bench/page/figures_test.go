package page

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// stored is the path of a file of the repository.
func stored(file string) string { return filepath.Join(root, file) }

// kept reads what perf keep wrote: the line of facts, and the output.
func kept(t *testing.T, file string) (facts, out string) {
	t.Helper()
	b, err := os.ReadFile(stored(file))
	if err != nil {
		t.Fatal(err)
	}
	head := strings.SplitN(string(b), "\n", 3)
	if len(head) != 3 || !strings.HasPrefix(head[0], "# ") || !strings.HasPrefix(head[1], "# ") {
		t.Fatalf("%s is not of perf keep", file)
	}
	return strings.TrimPrefix(head[1], "# "), head[2]
}

// table writes rows of cells, the first of them the head.
func table(align string, rows ...[]string) string {
	var b strings.Builder
	for i, r := range rows {
		fmt.Fprintf(&b, "| %s |\n", strings.Join(r, " | "))
		if i == 0 {
			b.WriteString(align + "\n")
		}
	}
	return b.String()
}

func TestPagePath(t *testing.T) {
	const file = "bench/baseline/path.txt"
	m := ReadBenchmarks(t, stored(file))
	most := 0.0
	for name, v := range m.Figures {
		if strings.HasSuffix(name, " allocs/op") {
			most = max(most, slices.Max(v))
		}
	}
	ns := func(name string) string { return Digits(m.Median(t, "BenchmarkCall/"+name, "ns/op")) + " ns" }
	rows := [][]string{{"message", "2025-11-25", "2026-07-28"}, {"ping", ns("ping/2025-11-25"), ""}}
	for _, r := range [][2]string{{"tools/call, inline, 1,000 bytes each way", "tools-call-inline"}, {"tools/call, pooled, 1,000 bytes back", "tools-call-pooled"},
		{"tools/list, 6 tools", "tools-list"}, {"prompts/get", "prompts-get"}, {"resources/read, 1,000 bytes", "resources-read"}} {
		rows = append(rows, []string{r[0], ns(r[1] + "/2025-11-25"), ns(r[1] + "/2026-07-28")})
	}
	list, copied := m.Median(t, "BenchmarkList700/tools-list", "ns/op"), m.Median(t, "BenchmarkList700/copy", "ns/op")
	Check(t, root, file, map[string]string{
		"facts": fmt.Sprintf("Medians of %d, %g allocations each. %s.", len(m.Of(t, "BenchmarkCall/ping/2025-11-25", "ns/op")), most, m.Facts),
		"table": table("|---|---:|---:|", rows...),
		"list": fmt.Sprintf("`tools/list` with 700 tools takes %s µs, the copy of as many bytes into the same kind of buffer %s µs: %s times the copy.",
			Digits(list/1e3), Digits(copied/1e3), Digits(list/copied)),
	})
}

func TestPageRegistry(t *testing.T) {
	const file, two = "bench/baseline/registry.txt", "bench/baseline/registry-2cpu.txt"
	m := ReadBenchmarks(t, stored(file))
	lookup := func(impl, keys string) string { return "BenchmarkLookup/impl=" + impl + "/keys=" + keys }
	rows := [][]string{{"200 hot names", "ns", "of cow"}}
	contenders := []struct{ impl, title string }{{"gannet-names", "gannet, names of the operator"}, {"cow", "one map behind an atomic pointer (cow)"}, {"xsync", "xsync.Map 4.5"},
		{"gannet", "gannet, names of peers"}, {"syncmap", "sync.Map"}, {"rwmutex", "256 maps with an RWMutex each"}}
	slices.SortStableFunc(contenders, func(a, b struct{ impl, title string }) int {
		return int(100 * (m.Median(t, lookup(a.impl, "200"), "ns/op") - m.Median(t, lookup(b.impl, "200"), "ns/op")))
	})
	for _, c := range contenders {
		rows = append(rows, []string{c.title, Digits(m.Median(t, lookup(c.impl, "200"), "ns/op")), Digits(m.Ratio(t, lookup(c.impl, "200"), lookup("cow", "200"), "ns/op"))})
	}
	by := func(name string) string { return Digits(m.Median(t, name, "ns/op")) }
	each := func(name string) string { return Digits(m.Median(t, name, "ns/name")) }
	Check(t, root, file, map[string]string{
		"facts": fmt.Sprintf("Medians of %d rounds, keys of 28 bytes as they come in messages, one CPU; *of cow* is the ratio to one map behind an atomic pointer in the same round. %s.",
			len(m.Of(t, lookup("cow", "200"), "ns/op")), m.Facts),
		"table": table("|---|---:|---:|", rows...),
		"others": fmt.Sprintf("2,000 names of one XXH64 value are looked up in %s ns where random names take %s ns, and the longest probe among 8,000 is that of random ones (a test holds it). 100,000 names: 32 looked up together cost %s ns each, one by one %s ns. A message to 10,000 subscribers: %s ns each up to their queues, encoded once.",
			by("BenchmarkColliding/op=lookup/impl=gannet/keys=colliding"), by("BenchmarkColliding/op=lookup/impl=gannet/keys=random"),
			each("BenchmarkBatch/how=batch/size=32"), each("BenchmarkBatch/how=single/size=32"), Digits(m.Median(t, "BenchmarkPublish", "ns/op")/10_000)),
		"many": fmt.Sprintf("With 100,000 of them xsync takes %s times what ours does to look one up, and %s and %s times in mixes with one change in a hundred and in two: records lie apart here, so that an owner's go together.",
			Digits(m.Ratio(t, lookup("xsync", "100000"), lookup("gannet", "100000"), "ns/op")),
			Digits(m.Ratio(t, "BenchmarkMixed/impl=xsync/change=1:100", "BenchmarkMixed/impl=gannet/change=1:100", "ns/op")),
			Digits(m.Ratio(t, "BenchmarkMixed/impl=xsync/change=1:2", "BenchmarkMixed/impl=gannet/change=1:2", "ns/op"))),
	})
	c := ReadBenchmarks(t, stored(two))
	names1, names2 := c.Least(t, lookup("gannet-names", "200"), "ns/op"), c.Least(t, lookup("gannet-names", "200")+"-2", "ns/op")
	peers1, peers2 := c.Least(t, lookup("gannet", "200"), "ns/op"), c.Least(t, lookup("gannet", "200")+"-2", "ns/op")
	Check(t, root, two, map[string]string{
		"scaling": fmt.Sprintf("Two goroutines on two CPUs, the least of %d: names of the operator %s ns against %s ns for one (%s times), names of peers %s ns against %s ns (%s times). %s.",
			len(c.Of(t, lookup("gannet", "200"), "ns/op")), Digits(names2), Digits(names1), Digits(names1/names2), Digits(peers2), Digits(peers1), Digits(peers1/peers2), c.Facts),
	})
}

func TestPageRoute(t *testing.T) {
	const file = "bench/baseline/route.txt"
	m := ReadBenchmarks(t, stored(file))
	least := func(name, unit string) float64 { return m.Least(t, "BenchmarkRoute/"+name, unit) }
	rate := func(name string) string { return Digits(1e3/least(name, "ns/op")) + " M messages/s" }
	latency := func(name string) string {
		return fmt.Sprintf("%s, %s µs", Digits(least(name, "p50-ns")/1e3), Digits(least(name, "p99-ns")/1e3))
	}
	verdict := func(met bool) string { return map[bool]string{true: "met", false: "missed"}[met] }
	Check(t, root, file, map[string]string{
		"facts": fmt.Sprintf("A message by name to a connection on another loop, from `Route` to the connection's write; the best of %d rounds, since a loop that polls shares its CPU with whatever else runs, %g allocations. %s.",
			len(m.Of(t, "BenchmarkRoute/loop=asleep/pace=one", "p50-ns")), least("loop=asleep/pace=one", "allocs/op"), m.Facts),
		"table": table("|---|---:|", []string{"", ""},
			[]string{"flood, both on one CPU (batches form by themselves): loop asleep", rate("loop=asleep/pace=flood")},
			[]string{"flood, two CPUs: loop asleep", rate("loop=asleep/pace=flood-2")},
			[]string{"one at a time, two CPUs, loop awake: p50, p99", latency("loop=awake/pace=one-2")},
			[]string{"one at a time, two CPUs, loop asleep: p50, p99", latency("loop=asleep/pace=one-2")},
			[]string{"a bare channel, the same", latency("chan=bare/pace=one-2")}),
		"goals": fmt.Sprintf("The plan wanted 5 M/s, which is %s on one CPU and %s across two, and with the loop awake a p50 of 1 µs, which is %s. A loop that sleeps is put onto the CPU of the sender by the scheduler, and no cache line crosses over.",
			verdict(1e3/least("loop=asleep/pace=flood", "ns/op") >= 5), verdict(1e3/least("loop=asleep/pace=flood-2", "ns/op") >= 5),
			verdict(least("loop=awake/pace=one-2", "p50-ns") <= 1e3)),
	})
}

// The messages of the table of codecs, and its columns: a build, and what it has
// to parse with.
var (
	codecMessages = []struct {
		name, title string
		goal        float64 // of the plan (P11), with kernels, in GB/s; 0 is none
	}{
		{"ping", "ping, 45 B", 0},
		{"call300", "call, short members, 310 B", 0},
		{"call", "call, 977 B", 4.5},
		{"list", "list of 24 tools, 19 KB", 2.9},
		{"call-1M", "call, 1 MiB of source text", 5.3},
		{"b64-1M", "result, 1 MiB of base64", 45},
		{"deep", "result, short values nine levels deep, 70 KB", 0.63},
		{"utf", "one string in several scripts, 21 KB", 11},
	}
	codecColumns = []struct{ title, build, impl string }{
		{"gannet", "default", "gannet"}, {"purego", "purego", "gannet"}, {"encoding/json", "default", "encodingjson"}, {"json/v2", "default", "jsonv2"},
		{"goccy/go-json 0.12.0", "default", "goccy"}, {"fastjson 1.6.10", "default", "fastjson"},
	}
)

func TestPageCodec(t *testing.T) {
	const file = "bench/baseline/codec.txt"
	m := ReadBenchmarks(t, stored(file))
	head := []string{""}
	for _, c := range codecColumns {
		head = append(head, c.title)
	}
	rows := [][]string{head}
	var goals []string
	for _, msg := range codecMessages {
		row := []string{msg.title}
		for _, c := range codecColumns {
			name := c.build + " BenchmarkParse/msg=" + msg.name + "/impl=" + c.impl
			if n := len(m.Of(t, name, "ns/op")); n != 5 {
				t.Errorf("%s: %d figures of 5", name, n)
			}
			if msg.name == "ping" {
				row = append(row, fmt.Sprintf("%.1f ns", m.Median(t, name, "ns/op")))
				continue
			}
			speed := m.Median(t, name, "MB/s") / 1e3
			row = append(row, fmt.Sprintf("%.3g (%.0f)", speed, m.Median(t, name, "allocs/op")))
			if msg.goal > 0 && c.build == "default" && c.impl == "gannet" {
				goals = append(goals, fmt.Sprintf("%s %g GB/s, %s", msg.title, msg.goal, map[bool]string{true: "met", false: "missed"}[speed >= msg.goal]))
			}
		}
		rows = append(rows, row)
	}
	Check(t, root, file, map[string]string{
		"facts": m.Facts + ".",
		"table": table("|---|---:|---:|---:|---:|---:|---:|", rows...),
		"goals": "The goals of the plan (P11) for the build with kernels: " + strings.Join(goals, "; ") + ".",
	})
}

func TestPageAllocations(t *testing.T) {
	const file = "bench/baseline/allocations.txt"
	_, out := kept(t, file)
	for _, test := range []string{"TestAllocs", "TestWakesOfPooledBatch", "TestAllocsOfDeadlines"} {
		if !strings.Contains(out, "--- PASS: "+test+" ") {
			t.Errorf("%s has not passed", test)
		}
	}
	var calls []string
	for _, m := range regexp.MustCompile(`(\d+) allocations in 100000 calls`).FindAllStringSubmatch(out, -1) {
		calls = append(calls, m[1])
	}
	if len(calls) != 4 {
		t.Fatalf("%d transports, want tcp, unix, stdio and the pool", len(calls))
	}
	m := regexp.MustCompile(`wakes of 64 answers: \[([\d ]+)\]`).FindStringSubmatch(out)
	if m == nil {
		t.Fatal("no wakes")
	}
	count := map[int]int{}
	for _, w := range strings.Fields(m[1]) {
		n, err := strconv.Atoi(w)
		if err != nil {
			t.Fatal(err)
		}
		count[n]++
	}
	var wakes []string
	for n := range 64 {
		if count[n] > 0 {
			wakes = append(wakes, fmt.Sprintf("%d (%d of 50)", n, count[n]))
		}
	}
	Check(t, root, file, map[string]string{"table": table("|---|---|---|", []string{"what", "figure", "command"},
		[]string{"every message path through the engine and through MCP in five revisions", "0 allocations, or the test fails (`testing.AllocsPerRun`)", "`make alloc`"},
		[]string{"100,000 echo calls of 1 KB at depth 16 over TCP, over a Unix socket, over pipes, from the worker pool", strings.Join(calls, ", ") + " allocations in the whole process, client included", "`go test -v -run 'TestAllocs$' ./transports`"},
		[]string{"50,000 deadlines armed and disarmed", "0 allocations, no goroutine, or the test fails", "`go test -run TestAllocsOfDeadlines ./engine`"},
		[]string{"wakes of a loop for 64 answers from the pool, 50 times", strings.Join(wakes, ", "), "`go test -v -run TestWakesOfPooledBatch ./transports`"})})
}

// What a system call an answer costs, however it is called.
func TestPageGather(t *testing.T) {
	const file = "bench/baseline/gather.txt"
	m := ReadBenchmarks(t, stored(file))
	ways := []string{"each", "cork", "more", "gathered"}
	rows := [][]string{{"answers at once", "each by itself", "each, `TCP_CORK`", "each, `MSG_MORE`", "gathered, one write"}}
	for _, answers := range []string{"1", "16", "64"} {
		row := []string{answers}
		for _, way := range ways {
			row = append(row, Digits(m.Median(t, "BenchmarkGather/answers="+answers+"/by="+way+"-2", "cpu-ns"))+" ns")
		}
		rows = append(rows, row)
	}
	rounds := len(m.Of(t, "BenchmarkGather/answers=1/by=each-2", "cpu-ns"))
	Check(t, root, file, map[string]string{
		"facts": fmt.Sprintf("The writing thread's CPU for an answer of 256 bytes, the kernel's way through the loopback device in it; medians of %d. %s.", rounds, m.Facts),
		"table": table("|---:|---:|---:|---:|---:|", rows...),
	})
}

// A handshake beside one of crypto/tls alone.
func TestPageHandshake(t *testing.T) {
	const file = "bench/baseline/handshake.txt"
	m := ReadBenchmarks(t, stored(file))
	ours, bare := m.Median(t, "BenchmarkHandshake/server=session", "ns/op")/1e3, m.Median(t, "BenchmarkHandshake/server=bare", "ns/op")/1e3
	verdict := map[bool]string{true: "reached", false: "missed"}[ours/bare <= 1.1]
	Check(t, root, file, map[string]string{
		"goals": fmt.Sprintf("A full handshake of TLS 1.3 (X25519MLKEM768, ECDSA) on one CPU, both ends and no socket: %s µs, and %s µs with crypto/tls and a goroutine on the server's end, %s times (P20: 1.10, %s); medians of %d. %s.",
			Digits(ours), Digits(bare), Digits(ours/bare), verdict, len(m.Of(t, "BenchmarkHandshake/server=bare", "ns/op")), m.Facts),
	})
}

// loopsGoal is what the plan wanted of two loops beside the generator on two CPUs
// (P18), and what perf ab wrote of it.
func loopsGoal(t *testing.T, out string) string {
	ratios := func(figure string) (all []float64) {
		for _, m := range regexp.MustCompile(`(?m)^  `+figure+` .* (\d+\.\d+) \[`).FindAllStringSubmatch(out, -1) {
			v, err := strconv.ParseFloat(m[1], 64)
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, v)
		}
		return all
	}
	cpu, rate := ratios("server_cpu_us"), ratios("rate")
	if len(cpu) != 2 || len(rate) != 2 {
		t.Fatalf("ratios of CPU %v, of rates %v, want two each", cpu, rate)
	}
	said := func(i int, load string) string {
		return fmt.Sprintf("%s %g times the CPU and %g times the rate, %s", load, cpu[i], rate[i], map[bool]string{true: "reached", false: "missed"}[cpu[i] <= 1.15 && rate[i] >= 1])
	}
	return "P18 wanted no more than 1.15 times the CPU and no lower rate: " + said(0, "calls that come together") + "; " + said(1, "single calls by HTTP") + "."
}

// Two builds in turns, as perf ab wrote them.
func TestPageBuilds(t *testing.T) {
	for _, c := range []struct{ file, before, after, head string }{
		{"bench/baseline/ab-pgo.txt", "without", "with", "with / without"},
		{"bench/baseline/ab-kernels.txt", "purego", "kernels", "kernels / purego"},
		{"bench/baseline/ab-flush.txt", "off", "batch", "batch / off"},
		{"bench/baseline/ab-loops.txt", "one loop", "two loops", "two / one"},
		{"bench/baseline/ab-poll_opt.txt", "without", "poll_opt", "with / without"},
		{"bench/baseline/ab-gc_opt.txt", "without", "gc_opt", "with / without"},
	} {
		facts, out := kept(t, c.file)
		rows := [][]string{{"workload, CPU of the server a message", c.before, c.after, c.head}}
		workload := ""
		for line := range strings.Lines(out) {
			words := strings.Fields(line)
			if len(words) > 0 && strings.HasPrefix(words[0], "regression.") {
				workload = words[0]
			}
			m := regexp.MustCompile(`server_cpu_us +(\S+ µs) +(\S+ µs) +(\S+) \[(\S+), (\S+)\]`).FindStringSubmatch(line)
			if m != nil {
				rows = append(rows, []string{workload, m[1], m[2], fmt.Sprintf("%s (%s-%s)", m[3], m[4], m[5])})
			}
		}
		if len(rows) < 3 {
			t.Fatalf("%s: %d workloads", c.file, len(rows)-1)
		}
		texts := map[string]string{"facts": facts + ": median of the rounds (least-greatest).", "table": table("|---|---:|---:|---:|", rows...)}
		if c.file == "bench/baseline/ab-loops.txt" {
			texts["goals"] = loopsGoal(t, out)
		}
		Check(t, root, c.file, texts)
	}
}

// Whose the server's CPU time is, as perf profile wrote it.
func TestPageProfiles(t *testing.T) {
	const file = "bench/baseline/profiles.txt"
	facts, out := kept(t, file)
	owners := []string{"kernel", "runtime", "codec", "transports", "engine", "user"}
	rows := [][]string{append([]string{"server under"}, owners...)}
	for part := range strings.SplitSeq(out, "== ") {
		name, rest, _ := strings.Cut(part, "\n")
		_, server, ok := strings.Cut(rest, "server: ")
		if !ok {
			continue
		}
		server, _, _ = strings.Cut(server, "generator: ")
		row := []string{name}
		for _, o := range owners {
			m := regexp.MustCompile(`(?m)^ +` + o + ` +([\d.]+) %$`).FindStringSubmatch(server)
			if m == nil {
				t.Fatalf("%s: no share of the %s", name, o)
			}
			row = append(row, m[1]+" %")
		}
		rows = append(rows, row)
	}
	if len(rows) != 4 {
		t.Fatalf("%d profiles, want 3", len(rows)-1)
	}
	Check(t, root, file, map[string]string{"facts": "Shares of the server's CPU samples by whose code it is, with the standard library counted to who calls it; `user` are the handlers. " + facts + ".",
		"table": table("|---|---:|---:|---:|---:|---:|---:|", rows...)})
}
