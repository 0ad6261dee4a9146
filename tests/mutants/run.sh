#!/usr/bin/env bash
# Makes single changes to the source, one after the other, and runs the tests on each: a change that
# no test notices is a survivor. `.cargo/mutants.toml` says what is changed, and which changes are
# equivalent, with the reason.
#
#   run.sh PART...    all changes in these parts (paxos, ready, member, hosts, node, trace, cli)
#   run.sh --changed  changes in what the newest commits touch, for MINUTES (2) at most: a sample
#
# Exit 1: somebody survived; their list is in target/mutants/. A sample only prints them: which
# changes it tries is chance, and a verdict must not be.
set -euo pipefail
# The patterns of files are for cargo-mutants.
set -f
cd "$(dirname "$0")/../.."
parts="paxos ready member hosts node trace cli"
out=${CARGO_TARGET_DIR:-target}/mutants
command -v cargo-mutants >/dev/null || cargo install --locked --quiet cargo-mutants
tool=cargo
if command -v cargo-nextest >/dev/null; then tool=nextest; fi

# Protocols run in the simulator and by transcripts; the others as real processes too.
pure="--test transcripts --test teeth --test seeds --test schedules --test roles"
node="--test runtime --test durability --test data --test strangers --test bodies --test unlisted"
lines="--test check --test views"
judges="$lines --test any_log --test dialects --test judge --test verdicts"
# Verdicts on running peers.
live="--test local --test barrier --test group --test judge --test verdicts"
# The judge of a protocol is a part of `trace`. `.cargo/mutants.toml` leaves out its drawings, its
# simulator, its catalogue of mutants and `command.rs`.
files_of() {
    case $1 in
    paxos | ready | member) echo "src/$1/*.rs src/$1/peer/" ;;
    trace) echo "src/paxos/judge/ src/member/judge/" ;;
    cli) echo "src/command/live.rs src/cli/judge/ src/cli/local/" ;;
    *) echo "src/$1/" ;;
    esac
}
# A folder's name stands for everything in it. A name that stands for nothing is a mistake here:
# whatever has moved would not be tried any more.
chosen() {
    for part in "$@"; do
        for file in $(files_of "$part"); do
            if [ -z "$(compgen -G "${file%/}*")" ]; then
                echo "run.sh: there is no $file" >&2
                exit 2
            fi
            case $file in
            */) echo "--file $file**" ;;
            *) echo "--file $file" ;;
            esac
        done
    done
}
tests_of() {
    case $1 in
    hosts) echo "$pure" ;;
    # With the printed lines and the verdict of a live run.
    paxos | ready | member) echo "$pure $lines $live" ;;
    node) echo "$node" ;;
    trace) echo "$judges --test teeth" ;;
    cli) echo "$judges $live" ;;
    *) echo "run.sh: no part is named $1" >&2 && exit 2 ;;
    esac
}

# 4: the tests fail without any change. Whatever else it says is read from its lists.
mutate() {
    local status=0
    "$@" || status=$?
    if [ "$status" = 4 ]; then exit 4; fi
}

# What was neither noticed nor excluded. The exit code of cargo-mutants also tells of time-outs.
list() {
    find "$out" -name "$1.txt" -exec cat {} +
}

rm -rf "$out"
mkdir -p "$out"
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
    files=$(chosen $parts)
    # In random order, so a part of them is a sample.
    # shellcheck disable=SC2086
    mutate timeout -s INT "$((${MINUTES:-2} * 60))" cargo mutants --jobs 1 --test-tool "$tool" \
        $files --in-diff "$out/diff" --output "$out/changed" \
        -- --lib $pure $node $judges
else
    for part in "$@"; do
        tests=$(tests_of "$part")
        files=$(chosen "$part")
        # shellcheck disable=SC2086
        mutate cargo mutants --jobs 1 --test-tool "$tool" --no-shuffle \
            $files --output "$out/$part" -- --lib $tests
    done
fi
tried=$(for kind in caught missed timeout unviable; do list $kind; done | wc -l)
echo "mutants: $tried changes tried, $(list missed | wc -l) survived"
list missed
if [ "${1-}" = --changed ]; then exit 0; fi
# Without a single one the run proves nothing.
[ "$tried" != 0 ] && [ -z "$(list missed)" ]
