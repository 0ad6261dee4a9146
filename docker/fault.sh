#!/bin/sh
# Plays a scenario in which something is done to the containers, and ends with its verdict.
#
# usage: docker/fault.sh kill|cut|pause|partition
#
# Each scenario is made so that forgetting, or counting the wrong answers, would show: what the
# later proposer can ask is just the majority on which the fault was.
set -eu
cd "$(dirname "$0")/.."
. docker/stage.sh

# The later proposer comes last, so where others must have chosen before, nobody waits for it.

# An acceptor is killed and started again, and its memory alone stands between X and Y. X is
# accepted by peer2 and peer3 only, since peer4 starts later. Then peer2 dies and lives again, peer3
# freezes, and peer5 asks peer2 and peer4. Had peer2 forgotten X, this majority would choose Y.
play_kill() {
    export PEER5_DELAY=0 PROPOSER_WAIT=0
    raise synod-kill compose/testcase2-durable.yml hostsfile-testcase2.txt X
    start peer1 peer2 peer3
    await_choice peer1 peer2 peer3
    announce peer2 killed
    docker kill --signal KILL "$(container_of peer2)" >/dev/null
    await_end peer2
    announce peer2 started
    start peer2
    await_choice peer2
    docker pause "$(container_of peer3)" >/dev/null
    start peer4 peer5
    conclude
}

# An acceptor is taken off the network while the others choose, and brought back. It must not know
# the choice in between, and must learn it after. Then another one is taken off, and peer5 asks the
# one that was away and the one that never was.
play_cut() {
    export PEER1_DELAY=5 PEER5_DELAY=0 PROPOSER_WAIT=0
    raise synod-cut compose/testcase2.yml hostsfile-testcase2.txt X
    start peer1 peer2 peer3 peer4
    await 'listens on' peer1 peer2 peer3 peer4
    disconnect peer4
    announce peer4 cut off
    await_choice peer1 peer2 peer3
    announce peer4 back
    connect peer4
    await_choice peer4
    disconnect peer3
    start peer5
    conclude
}

# A proposer is frozen in the middle of its round and wakes up in another time. Only peer2 can
# answer its prepare, since the other acceptors are frozen first. While it sleeps, they wake, and
# peer5 has Y chosen. Peer1 wakes up with an old number and X, and must say Y.
play_pause() {
    export PEER1_DELAY=5 PEER5_DELAY=0 PROPOSER_WAIT=0
    raise synod-pause compose/testcase2.yml hostsfile-testcase2.txt Y
    start peer1 peer2 peer3 peer4
    await 'listens on' peer1 peer2 peer3 peer4
    docker pause "$(container_of peer3)" "$(container_of peer4)" >/dev/null
    await '"action":"sent","message_type":"prepare"' peer1
    docker pause "$(container_of peer1)" >/dev/null
    announce peer1 cut off
    docker unpause "$(container_of peer3)" "$(container_of peer4)" >/dev/null
    start peer5
    await_choice peer2 peer3 peer4 peer5
    announce peer1 back
    docker unpause "$(container_of peer1)" >/dev/null
    conclude
}

# Both proposers propose while the network is in two parts: peer1 with peer2 on one side, peer5
# with peer3 and peer4 on the other. Only the side with the majority may choose; peer1 must come
# round to Y when the parts are one again.
play_partition() {
    export PEER1_DELAY=8 PEER5_DELAY=8
    raise synod-partition compose/testcase2.yml hostsfile-testcase2.txt Y
    island=${project}_island
    docker network create --internal --label "com.docker.compose.project=$project" "$island" \
        >/dev/null
    start peer1 peer2 peer3 peer4 peer5
    await 'listens on' peer1 peer2 peer3 peer4 peer5
    for peer in peer1 peer2; do
        disconnect "$peer"
        connect "$peer" "$island"
        announce "$peer" cut off
    done
    await_choice peer3 peer4 peer5
    await 'too few answers' peer1
    for peer in peer1 peer2; do
        announce "$peer" back
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
