#!/usr/bin/env bash
# The official conformance suites, of two versions, against our client and
# against one server on one URL: what is required by each revision, and all that applies to one. Nothing
# may fail, and no fewer checks may pass than are named here: a scenario that is
# skipped fails nothing.
set -euo pipefail
# gannet: the binary, or the URL of a server that is there; client: a client for
# the suites, which is left out where none is named
node="$1" gannet="$2" client="${3:-}" dir="$(mktemp -d)"
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
[ -n "$client" ] || exit 0

# The client: all scenarios that --requirements names but auth/*, as it has no
# authorization flow. A warning is a check that has not passed, too.
scenario() { # checks that must pass, revision, scenario
	timeout 60 "$node" "node_modules/$new/dist/index.js" client --command "$client" --scenario "$3" --spec-version "$2" -o "$dir/out" </dev/null >"$dir/result" 2>&1 || {
		cat "$dir/result"
		echo "conformance client $2 $3: failed"
		exit 1
	}
	local got
	got="$(sed -n 's/^Passed: \([0-9]*\)\/.*, 0 failed, 0 warnings$/\1/p' "$dir/result")"
	if [ "${got:-0}" -lt "$1" ]; then
		cat "$dir/result"
		echo "conformance client $2 $3: ${got:-none} passed, want $1"
		exit 1
	fi
	echo "conformance client $2 $3: $got passed, none failed"
}
ran="$(mktemp -p "$dir")"
while read -r want revision name; do
	scenario "$want" "$revision" "$name"
	echo "$revision $name" >>"$ran"
done <<'END'
1 2025-11-25 initialize
2 2025-11-25 tools_call
5 2025-11-25 elicitation-sep1034-client-defaults
3 2025-11-25 sse-retry
9 2025-11-25 json-schema-2020-12-preservation
2 2026-07-28 tools_call
6 2026-07-28 request-metadata
5 2026-07-28 sep-2322-client-request-state
9 2026-07-28 http-standard-headers
18 2026-07-28 http-custom-headers
12 2026-07-28 http-invalid-tool-headers
1 2026-07-28 json-schema-ref-no-deref
9 2026-07-28 json-schema-2020-12-preservation
END
# None that a revision requires is left out.
for revision in 2025-11-25 2026-07-28; do
	"$node" "node_modules/$new/dist/index.js" list --client --requirements "$revision" |
		sed -n '/^Client scenarios/,/^Run and reported/s/^  - //p' | grep -v '^auth/' | sed "s/^/$revision /"
done >"$dir/required"
[ -s "$dir/required" ]
if missing="$(grep -vxFf "$ran" "$dir/required")"; then
	echo "conformance client: required and not run: $missing"
	exit 1
fi
