#!/usr/bin/env bash
# The official conformance suite against our client: all scenarios that --requirements
# names but auth/*, as it has no authorization flow. A warning is a check that has not
# passed, too.
set -euo pipefail
node="$1" client="$2" dir="$(mktemp -d)"
trap 'rm -rf "$dir"' EXIT
new=@modelcontextprotocol/conformance

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
