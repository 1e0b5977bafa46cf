#!/usr/bin/env bash
# 50,000 connections to one server process, in a guest that allows it: for
# Debian and those like it, some twenty minutes, root only to install the emulator.
#
#   bench/guest/run.sh OUT.json [N]
#
# Result and progress are those of perf conns.
set -euo pipefail
out=${1:?usage: bench/guest/run.sh OUT.json [N]}
n=${2:-50000}
cd "$(dirname "$0")/../.."
command -v qemu-system-x86_64 >/dev/null || { apt-get update && apt-get install -y --no-install-recommends qemu-system-x86 seabios; }

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
package=$(apt-cache depends linux-image-cloud-amd64 | awk '/Depends: linux-image/{print $2; exit}')
(cd "$work" && apt-get download "$package" && dpkg-deb -x ./*.deb kernel)

export CGO_ENABLED=0
go build -buildvcs=auto -o "$work/" . ./bench/perf ./bench/guest
"$work/guest" --kernel "$(echo "$work"/kernel/boot/vmlinuz-*)" --bring "$work/perf" --bring "$work/gannet" \
  --fetch /tmp/conns.json --out "$out" -- \
  perf conns --spawn 1 -n "$n" --hold 400s --timeout 300s --name "$n connections, one server, in a guest under emulation" --save /tmp/conns.json
