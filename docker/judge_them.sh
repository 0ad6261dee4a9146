#!/bin/sh
# Judges an image that somebody else has built for the lab: its test cases, variants, and four
# faults; each run by its printed lines. Prints a report card and writes it as HTML.
#
# usage: IMAGE=NAME [CASES='test1 kill'] docker/judge_them.sh
#
# The image needs the lab's interface only: `-h HOSTSFILE -v VALUE -t DELAY`, the peers found by
# host name, a line of JSON for each message. The hostsfiles are copied into its working directory.
# Ends with 0 if every case passed, else with 1.
set -eu
cd "$(dirname "$0")/.."
. docker/engine.sh
[ -n "${IMAGE:-}" ] || {
    echo 'usage: IMAGE=NAME make judge-them' >&2
    exit 2
}
need_engine
need_compose
docker image inspect "$IMAGE" >/dev/null 2>&1 || {
    echo "there is no image $IMAGE on this engine" >&2
    exit 2
}
cargo build --quiet --release --bin synod
built=${CARGO_TARGET_DIR:-target}
judge=$built/release/synod
# Here are the card, and the lines of each run.
folder=$built/judge-them/$(echo "$IMAGE" | tr '/:' '__')
mkdir -p "$folder"
directory=$(docker image inspect --format '{{.Config.WorkingDir}}' "$IMAGE")
stage=$(mktemp -d)
project=none
take_down() {
    trap '' INT TERM HUP
    [ "$project" = none ] || remove_project "$project"
    rm -rf "$stage"
}
trap take_down EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP
now() { cut -d. -f1 /proc/uptime; }
peers='peer1 peer2 peer3 peer4 peer5'

id_of() {
    docker ps -aq --filter "label=com.docker.compose.project=$project" \
        --filter "label=com.docker.compose.service=$1"
}
has_chosen() { docker logs "$(id_of "$1")" 2>&1 | grep -qi '"cho[so]'; }
# chosen PEER...: all of these have said what is chosen.
chosen() {
    for peer; do has_chosen "$peer" || return 1; done
}
# wait_for SECONDS COMMAND...: until it succeeds, or that much of the run is over.
wait_for() {
    until_s=$(($1 + begun))
    shift
    until "$@" || [ "$(now)" -ge "$until_s" ]; do sleep 0.5; done
}
network() { echo "${project}_project_network"; }

# What goes wrong in the middle of a run: from when X is chosen until peer5 has proposed Y, which it
# does in the tenth second.
until_proposed() { wait_for 18 false; }
fault_none() { :; }
fault_kill() {
    docker kill --signal KILL "$(id_of peer2)" >/dev/null
    left='peer1 peer3 peer4 peer5'
}
fault_cut() {
    docker network disconnect "$(network)" "$(id_of peer3)"
    until_proposed
    docker network connect --alias peer3 "$(network)" "$(id_of peer3)"
}
fault_pause() {
    docker pause "$(id_of peer2)" >/dev/null
    until_proposed
    docker unpause "$(id_of peer2)" >/dev/null
}
fault_partition() {
    docker network create --label "com.docker.compose.project=$project" "${project}_island" >/dev/null
    for peer in peer1 peer2; do
        docker network disconnect "$(network)" "$(id_of "$peer")"
        docker network connect --alias $peer "${project}_island" "$(id_of "$peer")"
    done
    until_proposed
    for peer in peer1 peer2; do
        docker network disconnect "${project}_island" "$(id_of "$peer")"
        docker network connect --alias $peer "$(network)" "$(id_of "$peer")"
    done
}

# play FILE HOSTSFILE SECONDS FAULT EDIT: a run of at least so many seconds; its lines to run.log.
play() {
    hosts=$2 least=$3 fault=$4 left=$peers
    project=$(project_for synod-them)
    # Unmodified but for the image, and for the names of containers, which are not ours to take.
    sed "/container_name:/d; s|image: .*|image: $IMAGE|; s|hostsfile-testcase[12].txt|$hosts|; $5" \
        "$1" >"$stage/compose.yml"
    $compose -p "$project" -f "$stage/compose.yml" up --no-start >"$stage/log" 2>&1 || {
        cat "$stage/log" >&2
        exit 1
    }
    for peer in $peers; do
        docker cp "hostsfiles/$hosts" "$(id_of "$peer"):${directory:-}/" >/dev/null
    done
    begun=$(now)
    for peer in $peers; do docker start "$(id_of "$peer")" >/dev/null; done
    # shellcheck disable=SC2086 # lists of peers
    if [ "$fault" != none ]; then
        wait_for 8 chosen peer1 peer2 peer3 peer4
        "fault_$fault"
    fi
    wait_for "$least" false
    # shellcheck disable=SC2086
    wait_for 40 chosen $left
    # What they have printed is in the engine's logs once they have ended.
    ids=$(for peer in $peers; do id_of "$peer"; done)
    docker stop --time 2 $ids >/dev/null
    docker wait $ids >/dev/null
    for peer in $peers; do
        docker logs --timestamps "$(id_of "$peer")" 2>&1 | sed "s/^\([^ ]*\) /\1 $peer | /"
    done | sort -s -k 1,1 | cut -d ' ' -f 2- >"$stage/run.log"
    remove_project "$project"
    project=none
}

html() { sed 's/&/\&amp;/g; s/</\&lt;/g; s/>/\&gt;/g'; }

# first WORD: the first such finding of the report, with its two lines.
first() { sed -n "/^$1: [a-z-]*: /,/^\$/p" "$stage/report" | sed '/^$/q' | head -n 3; }

# case_ NAME WHAT EXPECT PLAY...: plays, judges, and writes a row of the card.
failures=0 count=0
case_() {
    name=$1 what=$2 expect=$3
    case " ${CASES:-$name} " in *" $name "*) ;; *) return 0 ;; esac
    shift 3
    count=$((count + 1))
    play "$@"
    cp "$stage/run.log" "$folder/$name.log"
    code=0
    "$judge" check --hosts "hostsfiles/$hosts" ${expect:+--expect "$expect"} "$stage/run.log" \
        >"$stage/report" 2>&1 || code=$?
    last=$(tail -n 1 "$stage/report")
    silent=
    for peer in $left; do
        grep -q "^note: never-chose: $peer " "$stage/report" && silent="$silent $peer"
    done
    proof=
    case $code:$last in
        1:*)
            result=violated
            proof=$(first VIOLATED)
            ;;
        0:'clean: '*' is chosen;'*) result=passed ;;
        0:suspicious:*) result=undecidable proof=$(first suspicious) ;;
        *) result=undecidable proof=$last ;;
    esac
    if [ "$result" = passed ] && [ -n "$silent" ]; then
        result=undecidable proof="these never said what is chosen:$silent"
    fi
    [ "$result" = passed ] || failures=$((failures + 1))
    printf '%-10s %-12s %s\n' "$name" "$result" "$what"
    [ -z "$proof" ] || printf '%s\n' "$proof" | sed "s|$stage/run|$name|; s/^/           /"
    {
        printf '<tr class=%s><th>%s<td>%s<td>%s' "$result" "$name" "$what" "$result"
        [ -z "$proof" ] || printf '<pre>%s</pre>' "$(printf '%s' "$proof" | sed "s|$stage/run|$name|" | html)"
        printf '<details><summary>report</summary><pre>%s</pre></details>\n' \
            "$(sed "s|$stage/run|$name|" "$stage/report" | html)"
    } >>"$stage/rows"
}

one=compose/lab/prj4/docker-compose-testcase-1.yml two=compose/lab/prj4/docker-compose-testcase-2.yml
second=hostsfile-testcase2.txt
echo "report card of $IMAGE"
case_ test1 'one proposer, three acceptors, one learner' X $one hostsfile-testcase1.txt 3 none ''
case_ test2 'a second proposer ten seconds later' X $two $second 13 none ''
case_ lecture 'two acceptors each, one in common' X $two hostsfile-lecture.txt 13 none ''
case_ duel 'both propose at once' '' $two $second 5 none 's/ -t 10//'
case_ kill 'an acceptor is killed before the second proposes' X $two $second 18 kill ''
case_ cut 'an acceptor is disconnected meanwhile' X $two $second 20 cut ''
case_ pause 'an acceptor is frozen meanwhile' X $two $second 20 pause ''
case_ partition 'two on one side, three on the other, meanwhile' X $two $second 20 partition ''

{
    cat <<END
<!doctype html><meta charset=utf-8><title>Report card of $(echo "$IMAGE" | html)</title>
<style>body{font:16px sans-serif;margin:2em auto;max-width:70em;padding:0 1em}table{border-collapse:
collapse;width:100%}td,th{border:1px solid #bbb;padding:.5em;text-align:left;vertical-align:top}pre{
white-space:pre-wrap;word-break:break-all;font-size:12px}.passed td:nth-of-type(2){background:#dfd}
.violated td:nth-of-type(2){background:#fdd}.undecidable td:nth-of-type(2){background:#ffd}</style>
<h1>Report card of $(echo "$IMAGE" | html)</h1>
<p>$((count - failures)) of $count cases passed; judged by $("$judge" --version | html) on $(date -u +%F).
<p>passed: no rule of Paxos is violated, and all say the same value. violated: the lines below prove
it. undecidable: nothing is violated, but what must be reached was not, or the lines do not tell.
<table><tr><th>case<th>what happens<th>result
END
    cat "$stage/rows"
    echo '</table>'
} >"$folder/card.html"
echo "$((count - failures)) of $count passed; the card is $folder/card.html"
[ "$failures" = 0 ]
