#!/usr/bin/env bash
# Makes single changes to the source, one after the other, and runs the tests on each: a change that
# no test notices is a survivor. `.cargo/mutants.toml` says what is changed, and which changes are
# equivalent, with the reason.
#
#   run.sh PART...    all changes in these parts (paxos ready member hosts node trace cli), all day
#   run.sh --changed  changes in what the newest commits touch, for MINUTES (4) at most: a sample
#
# Exit 1: somebody survived; their list is in target/mutants/.
set -euo pipefail
cd "$(dirname "$0")/../.."
out=${CARGO_TARGET_DIR:-target}/mutants
mkdir -p "$out"
command -v cargo-mutants >/dev/null || cargo install --locked --quiet cargo-mutants
tool=cargo
if command -v cargo-nextest >/dev/null; then tool=nextest; fi

# Protocols run in the simulator and by transcripts; the others as real processes too.
pure="--test transcripts --test teeth --test seeds --test scripts --test roles"
node="--test runtime --test durability --test data --test strangers"
judges="--test check --test views --test any_log --test dialects --test judge --test verdicts"
tests_of() {
    case $1 in
    paxos | ready | member | hosts) echo "$pure" ;;
    node) echo "$node" ;;
    trace) echo "$judges --test teeth" ;;
    cli) echo "$judges --test local --test barrier" ;;
    *) echo "run.sh: no part is named $1" >&2 && exit 2 ;;
    esac
}

# What was neither noticed nor excluded. The exit code of cargo-mutants also tells of time-outs.
survivors() {
    cat "$out"/*/mutants.out/missed.txt 2>/dev/null || true
}

rm -rf "${out:?}"/*
if [ "${1-}" = --changed ]; then
    base=$(git merge-base HEAD origin/main 2>/dev/null || true)
    if [ -z "$base" ] || [ "$base" = "$(git rev-parse HEAD)" ]; then
        base=$(git rev-parse --quiet --verify HEAD^ || true)
    fi
    if [ -z "$base" ]; then
        echo "mutants: skipped, there is no earlier commit to compare with"
        exit 0
    fi
    git diff "$base" HEAD -- src >"$out/diff"
    if [ ! -s "$out/diff" ]; then
        echo "mutants: nothing to do, src is as it was at $base"
        exit 0
    fi
    # In random order, so a part of them is a sample.
    # shellcheck disable=SC2086
    timeout -s INT "$((${MINUTES:-4} * 60))" cargo mutants --jobs 1 --test-tool "$tool" \
        --in-diff "$out/diff" --output "$out/changed" -- --lib $pure $node $judges || true
else
    for part in "$@"; do
        tests=$(tests_of "$part")
        # shellcheck disable=SC2086
        cargo mutants --jobs 1 --test-tool "$tool" --no-shuffle --re "^src/$part/" \
            --output "$out/$part" -- --lib $tests || true
    done
fi
tried=$(cat "$out"/*/mutants.out/{caught,missed,timeout,unviable}.txt 2>/dev/null | wc -l)
echo "mutants: $tried changes tried, $(survivors | wc -l) survived"
if [ "$tried" = 0 ] && [ "${1-}" != --changed ]; then
    exit 1
fi
survivors
[ -z "$(survivors)" ]
