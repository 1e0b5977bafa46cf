#!/usr/bin/env bash
# The official conformance suites, of two versions, against one server on one URL:
# what is required by each revision, and all that applies to one. Nothing may fail,
# and no fewer checks may pass than are named here: a scenario that is skipped fails
# nothing.
set -euo pipefail
# gannet: the binary, or the URL of a server that is there
node="$1" gannet="$2" dir="$(mktemp -d)"
case "$gannet" in
http://*)
	trap 'rm -rf "$dir"' EXIT
	url="$gannet/mcp" ;;
*)
	"$gannet" serve --fixture everything --listen http://127.0.0.1:0 --addr-file "$dir/addr" >/dev/null 2>"$dir/log" &
	server=$!
	trap 'kill $server 2>/dev/null; wait $server 2>/dev/null; rm -rf "$dir"' EXIT
	for _ in $(seq 100); do [ -s "$dir/addr" ] && break; sleep 0.1; done
	url="$(cat "$dir/addr")/mcp" ;;
esac

run() { # checks that must pass, package, options
	local want="$1" package="$2"
	shift 2
	timeout 120 "$node" "node_modules/$package/dist/index.js" server --url "$url" "$@" -o "$dir/out" >"$dir/result" 2>&1 || {
		cat "$dir/result"
		echo "conformance $package $*: failed"
		exit 1
	}
	local got
	got="$(sed -n 's/^Total: \([0-9]*\) passed, 0 failed.*/\1/p' "$dir/result")"
	if [ "${got:-0}" -lt "$want" ]; then
		cat "$dir/result"
		echo "conformance $package $*: ${got:-none} passed, want $want"
		exit 1
	fi
	echo "conformance $package $*: $got passed, none failed"
}
new=@modelcontextprotocol/conformance
run 83 $new --requirements 2025-11-25
run 196 $new --requirements 2026-07-28
run 3 $new --suite all --spec-version 2025-03-26
run 56 $new --suite all --spec-version 2025-06-18
run 83 $new --suite all --spec-version 2025-11-25
# One check is of event streams where we answer tools/list by JSON: no check.
run 152 $new --suite all --spec-version 2026-07-28
run 46 conformance-01 --suite all
