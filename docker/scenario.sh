#!/bin/sh
# Plays a scenario without faults on five containers and ends with its verdict.
#
# usage: docker/scenario.sh PROJECT COMPOSE_FILE HOSTSFILE [VALUE]
set -eu
cd "$(dirname "$0")/.."
. docker/stage.sh
raise "$@"
start peer1 peer2 peer3 peer4 peer5
conclude
