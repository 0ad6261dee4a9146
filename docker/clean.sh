#!/bin/sh
# Removes what a scenario has left that was killed before it could: by project name, nothing else.
set -eu
cd "$(dirname "$0")/.."
. docker/engine.sh
need_engine
for name in test1 test2 lecture duel durable lab1 lab2 kill cut pause partition ready member1 \
    member2 member3 member4; do
    docker rm -f "synod-$name-judge" >/dev/null 2>&1 || true
    remove_project "synod-$name"
done
