#!/bin/sh
# Runs a scenario without faults, a container for each line of the hostsfile, and ends with its
# verdict.
#
# usage: [protocol=FLAGS] [late=PEER] docker/scenario.sh NAME COMPOSE_FILE HOSTSFILE [VALUE]
#
# $protocol is the protocol (default paxos) with flags for the judge; $late is a peer that is
# started two seconds after the others.
set -eu
cd "$(dirname "$0")/.."
. docker/stage.sh
raise "$@"
for peer in $peers; do
    [ "$peer" = "${late:-}" ] && continue
    [ -z "${protocol:-}" ] || announce "$peer" started
    start "$peer"
done
if [ -n "${late:-}" ]; then
    sleep 2
    announce "$late" started
    start "$late"
fi
conclude
