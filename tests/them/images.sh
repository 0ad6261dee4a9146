#!/bin/sh
# Builds two images of somebody else's Paxos, for trying `make judge-them`: one is right, one ignores
# what the promises report. Prints their names. Needs Go and a Docker engine.
set -eu
cd "$(dirname "$0")"
context=$(mktemp -d)
trap 'rm -rf "$context"' EXIT
printf 'FROM scratch\nWORKDIR /lab\nCOPY paxos /paxos\nENTRYPOINT ["/paxos"]\n' >"$context/Dockerfile"
for kind in right wrong; do
    bug=
    [ $kind = right ] || bug=yes
    CGO_ENABLED=0 go build -ldflags "-s -w -X main.bug=$bug" -o "$context/paxos" paxos.go
    docker build -t "synod-them-$kind" "$context" >"$context/log" 2>&1 || {
        cat "$context/log" >&2
        exit 1
    }
    echo "synod-them-$kind"
done
