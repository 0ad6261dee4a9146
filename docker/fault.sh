#!/bin/sh
# Runs a scenario with a fault, and ends with its verdict.
#
# usage: docker/fault.sh kill|cut|pause|partition
#
# Each scenario leaves the later proposer exactly the majority on which the fault was. A lost
# promise or a wrongly counted answer would change the value.
set -eu
cd "$(dirname "$0")/.."
. docker/stage.sh

# The script waits for prose of the peers, so they print it. A proposer does not wait long for a
# peer that is started later or is frozen: that is the scenario.
export PEER_FLAGS="${PEER_FLAGS---verbose --wait 1}"

# Every fault is announced to the judge. What it must know beforehand is announced before.
launch() {
    for peer; do
        announce "$peer started"
        start "$peer"
    done
}

freeze() {
    for peer; do
        docker pause "$(container_of "$peer")" >/dev/null
        announce "$peer frozen"
    done
}

thaw() {
    for peer; do
        announce "$peer goes on"
        docker unpause "$(container_of "$peer")" >/dev/null
    done
}

# X is accepted by peer2 and peer3 only, since peer4 starts later.
play_kill() {
    export PEER5_DELAY=0
    raise synod-kill compose/testcase2-durable.yml hostsfile-testcase2.txt X
    heading 'X is chosen by the votes of peer2 and peer3. Then peer2 is killed and started again,' \
        'peer3 freezes, and peer5 proposes Y to peer2 and peer4. X must win: peer2 has its vote' \
        'on its volume. Had it forgotten, this majority would choose Y.'
    launch peer1 peer2 peer3
    await_choice peer1 peer2 peer3
    announce 'peer2 killed'
    docker kill --signal KILL "$(container_of peer2)" >/dev/null
    await_end peer2
    launch peer2
    await_choice peer2
    freeze peer3
    launch peer4 peer5
    conclude
}

play_cut() {
    export PEER1_DELAY=5 PEER5_DELAY=0
    raise synod-cut compose/testcase2.yml hostsfile-testcase2.txt X
    heading 'peer4 is cut off while the others choose X, comes back, and is told. Then peer3 is' \
        'disconnected, and peer5 proposes Y to peer2 and peer4. X must win: peer2 voted for it.' \
        'peer4 must not know the choice before it is back, and must know it after.'
    launch peer1 peer2 peer3 peer4
    await 'listens on' peer1 peer2 peer3 peer4
    disconnect peer4
    announce 'peer4 cut off'
    await_choice peer1 peer2 peer3
    announce 'peer4 back'
    connect peer4
    await_choice peer4
    disconnect peer3
    announce 'peer3 disconnected'
    launch peer5
    conclude
}

# Only peer2 can answer peer1's prepare, since the other acceptors are frozen first.
play_pause() {
    export PEER1_DELAY=5 PEER5_DELAY=0
    raise synod-pause compose/testcase2.yml hostsfile-testcase2.txt Y
    heading 'peer1 proposes X while peer3 and peer4 are frozen, so it has no majority, and is then' \
        'frozen too. peer3 and peer4 go on, peer5 proposes Y, and Y is chosen. Y must win: peer1' \
        'goes on with an old number and X, is refused, and must choose Y.'
    launch peer1 peer2 peer3 peer4
    await 'listens on' peer1 peer2 peer3 peer4
    freeze peer3 peer4
    await '"action":"sent","message_type":"prepare"' peer1
    freeze peer1
    thaw peer3 peer4
    launch peer5
    await_choice peer2 peer3 peer4 peer5
    thaw peer1
    conclude
}

play_partition() {
    export PEER1_DELAY=8 PEER5_DELAY=8
    raise synod-partition compose/testcase2.yml hostsfile-testcase2.txt Y
    heading 'The network is split: peer1 and peer2 on one side, peer3, peer4 and peer5 on the' \
        'other. Both proposers propose. Y must win: only the side of peer5 has a majority of the' \
        'acceptors. peer1 must choose nothing before the sides are one again, and Y after.'
    island=${project}_island
    docker network create --internal --label "com.docker.compose.project=$project" "$island" \
        >/dev/null
    launch peer1 peer2 peer3 peer4 peer5
    await 'listens on' peer1 peer2 peer3 peer4 peer5
    for peer in peer1 peer2; do
        disconnect "$peer"
        connect "$peer" "$island"
        announce "$peer cut off"
    done
    await_choice peer3 peer4 peer5
    await 'too few answers' peer1
    for peer in peer1 peer2; do
        announce "$peer back"
        disconnect "$peer" "$island"
        connect "$peer"
    done
    conclude
}

case ${1:-} in
    kill | cut | pause | partition) "play_$1" ;;
    *)
        echo 'usage: docker/fault.sh kill|cut|pause|partition' >&2
        exit 1
        ;;
esac
