# make alone lists the targets. Each is one or two plain go commands, so that
# reading it teaches them.

PKG       ?= ./...
COUNT     ?= 10
FUZZTIME  ?= 30s
BENCH     ?= .
BENCHTIME ?= 1s
OLD       ?= /tmp/gannet-bench-old.txt
NEW       ?= /tmp/gannet-bench.txt
PPROF     ?= BenchmarkParse
PROFILE   ?= gannet tcp call d16
GO        ?= go
AGAINST   ?= HEAD^

STATICCHECK = honnef.co/go/tools/cmd/staticcheck@v0.7.0
BENCHSTAT   = golang.org/x/perf/cmd/benchstat@latest

# Benchmarks of what is ours, on one CPU, where what they allocate is the same each time: not of libraries, nor with many goroutines. (The go command looks no further than the first pattern that may still match: short ones come first.)
ALLOCSRUN   = mkdir -p bin && $(GO) test -p 1 -cpu 1 -run '^$$' -bench . -skip '$(OTHERS)' -benchmem -benchtime 30ms $(PKG) >bin/allocs.out || { cat bin/allocs.out; exit 1; }
OTHERS      = BenchmarkHandshake|BenchmarkGather|/impl=(xsync|syncmap|syncpool|rwmutex|cow|make|channel|goroutine|general)|/loop=awake|/chan=bare|/queue|/msg=16KB|//impl=(cow|xsync)

# Tools, whose tests start programs without poison, and wait for them.
STARTERS    = /bench/(perf|spine|suite)$$

# What runs a program of arm64 here.
QEMU        = $(shell command -v qemu-aarch64 || command -v qemu-aarch64-static)

RACEBUILD   = CGO_ENABLED=1 $(GO) build -race -o /dev/null ./ringbuf

.DEFAULT_GOAL := help
.PHONY: help build peer run test check race alloc allocs allocs-baseline ab invariants fuzz-short fuzz bench bench-compare perf pprof profile pgo lint cross arm64 interop node clean

help: ## list the targets
	@awk -F':.*## ' '/^[a-z0-9-]+:.*## /{printf "  %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

build: ## build bin/gannet and the load tools
	$(GO) build -o bin/ . ./bench/...

peer: ## build bin/peer, the servers of other libraries that perf peers measures beside ours
	cd bench/peers && $(GO) build -o ../../bin/peer ./server

run: ## build bin/gannet and serve the demo tools on loopback until Ctrl-C
	$(GO) build -o bin/gannet .
	./bin/gannet serve --demo

test: ## what a fresh clone runs: vet, tests, poisoned buffers, short fuzzing, interop; -race where there is a C compiler
	$(GO) vet ./...
	$(GO) test $(PKG)
	$(MAKE) --no-print-directory invariants fuzz-short interop
	@if $(RACEBUILD) 2>/dev/null; \
	then $(MAKE) --no-print-directory race; \
	else echo "make test: no C compiler here, so the race detector was left out (make race needs one)"; fi

check: ## what CI runs: test with -race required, lint, cross-builds, an emulated arm64, clients that need Node, the gates of speed
	@$(RACEBUILD) || { echo "make check: the race detector needs a C compiler; install gcc"; exit 1; }
	$(MAKE) --no-print-directory lint test cross arm64 node allocs ab

race: ## tests under the race detector (needs a C compiler)
	@# Many rounds on one goroutine are few here: they are many in the other runs. The detector would sleep
	@# for a second at the end of each program, of the tests and of what they start.
	CGO_ENABLED=1 GORACE=atexit_sleep_ms=10 $(GO) test -race -short $(PKG)

alloc: ## the allocation gates alone
	$(GO) test -run 'Allocs' $(PKG)

allocs: ## what an operation of each Go benchmark allocates, compared with bench/baseline/allocs.txt to the byte
	@$(ALLOCSRUN)
	$(GO) run ./bench/perf allocs check bin/allocs.out bench/baseline/allocs.txt

allocs-baseline: ## keep what they allocate now
	@$(ALLOCSRUN)
	$(GO) run ./bench/perf allocs save bin/allocs.out bench/baseline/allocs.txt

ab: ## this tree against its first parent (AGAINST=revision), measured in turns; fails beyond twice the CPU
	$(GO) run ./bench/perf ab --against $(AGAINST) --rounds 2 -q

invariants: ## tests with poisoned buffers, and of the codec without vectors
	$(GO) test -short -tags invariants $$($(GO) list $(PKG) | grep -vE '$(STARTERS)')
	$(GO) vet -tags purego ./codec && $(GO) test -tags purego ./codec

fuzz-short: ## each fuzz target for two seconds
	@$(MAKE) --no-print-directory fuzz FUZZTIME=2s

fuzz: ## each fuzz target for FUZZTIME (default 30s)
	@# The go command may call it a failure that the time is over: it is one only with an input.
	@set -e; log=$$(mktemp); trap 'rm -f $$log' EXIT; run() { echo "fuzz $$2 $$1 $(FUZZTIME)"; \
		$(GO) test -run '^$$' -fuzz "^$$1\$$" -fuzztime $(FUZZTIME) -fuzzminimizetime 1s $$2 >$$log 2>&1 && { cat $$log; return; }; \
		cat $$log; grep -q 'context deadline exceeded' $$log && ! grep -q 'Failing input' $$log || exit 1; }; \
	for p in $$(grep -rl --include='*_test.go' '^func Fuzz' ./codec ./engine ./transports ./bench/load ./fuzz | xargs -n1 dirname | sort -u); do \
		list=$$($(GO) test -list '^Fuzz' $$p) || { echo "$$list"; exit 1; }; \
		for t in $$(echo "$$list" | grep '^Fuzz'); do run $$t $$p; done; done; \
	export GOEXPERIMENT=jsonv2; run FuzzParseV2 ./fuzz

bench: SHELL := /bin/bash
bench: .SHELLFLAGS := -o pipefail -c
bench: ## Go benchmarks, COUNT times, into NEW
	$(GO) test -run '^$$' -bench '$(BENCH)' -benchtime $(BENCHTIME) -count $(COUNT) $(PKG) | tee $(NEW)

bench-compare: ## benchstat of OLD against NEW
	$(GO) run $(BENCHSTAT) $(OLD) $(NEW)

perf: build ## all workloads by their quick settings, about two minutes, into report.html
	@./bin/perf run all --quick --out bin/perf.json > bin/perf.txt; code=$$?; ./bin/perf report bin/perf.json bench/baseline/perf-conns-50k.json -o report.html || exit 1; \
	echo "report.html has the plots and tables, bin/perf.txt the figures, bin/perf.json all of it"; \
	test $$code = 0 -o $$code = 6 || exit $$code # 6: the generator was the limit somewhere, which is marked

pprof: ## CPU profile of one benchmark (PPROF=name PKG=./codec), opened in pprof
	$(GO) test -run '^$$' -bench '$(PPROF)' -cpuprofile cpu.prof -o bin/pprof.test $(PKG)
	$(GO) tool pprof bin/pprof.test cpu.prof

profile: build ## profile the server and the generator under one load (PROFILE='gannet http call d1') into profile/
	./bin/perf profile '$(PROFILE)' --dir profile

pgo: build ## profile the server under load into default.pgo, by which go build optimises it
	@set -e; run() { rm -f bin/addr; ./bin/gannet serve --demo --listen tcp://127.0.0.1:0 --addr-file bin/addr --cpu-profile bin/$$1.prof >/dev/null & pid=$$!; \
		until test -s bin/addr; do kill -0 $$pid || exit 1; sleep 0.1; done; shift; ./bin/gen -target $$(cat bin/addr) -c 64 -duration 5s "$$@" >/dev/null; kill $$pid; wait $$pid; }; \
	export GOMAXPROCS=1; run call -d 16 -method call; run one -d 1 -method call; run ping -d 64 -method ping; run pooled -d 16 -method call -args-extra '"ms":0'; \
	$(GO) tool pprof -proto bin/call.prof bin/one.prof bin/ping.prof bin/pooled.prof > default.pgo

lint: ## gofmt, vet, staticcheck and the import rules
	@test -z "$$(gofmt -s -l .)" || { gofmt -s -l .; echo "run: gofmt -s -w on these"; exit 1; }
	$(GO) run $(STATICCHECK) ./...
	@# What others deprecate is tried on purpose there.
	cd bench/peers && $(GO) run $(STATICCHECK) -checks inherit,-SA1019 ./...
	$(GO) test -run 'TestLint' .

cross: ## build for linux and darwin on amd64 and arm64, and vet what differs; the codec also where it has no kernels
	@set -e; for os in linux darwin; do for arch in amd64 arm64; do \
		echo "build $$os/$$arch"; export GOOS=$$os GOARCH=$$arch CGO_ENABLED=0; $(GO) build ./...; done; $(GO) vet ./...; done; \
	export GOOS=linux; for arch in 386 s390x; do echo "build linux/$$arch ./codec"; GOARCH=$$arch $(GO) build ./codec; done

arm64: ## the codec's tests, its kernels and the seeds of its fuzz targets among them, on an emulated arm64 (needs qemu-user)
	@test -n '$(QEMU)' || { echo "make arm64: there is no qemu-aarch64 on PATH; install qemu-user (apt-get install qemu-user)"; exit 1; }
	GOOS=linux GOARCH=arm64 CGO_ENABLED=0 $(GO) test -short -timeout 2m -exec '$(QEMU)' ./codec
	GOOS=linux GOARCH=arm64 CGO_ENABLED=0 $(GO) test -run '^Fuzz(Parse|AppendParse|Unescape|Numbers)$$' -timeout 2m -exec '$(QEMU)' ./fuzz

interop: ## clients that nobody here wrote, against the binary (bench/peers)
	@# Clients in parallel, which mostly wait.
	cd bench/peers && $(GO) vet ./... && $(GO) test -parallel 16 ./...

node: ## Node clients over stdio (needs npm)
	.ci/node/run.sh

clean: ## remove what was built
	rm -rf bin profile cpu.prof *.test
