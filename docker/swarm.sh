#!/bin/sh
# Plays docker/stack-paxos.yml and docker/stack-store.yml on three Docker engines of its own, each in
# its own namespaces of network, processes and mounts, one of them killed; then judges the run.
# Nothing of it is on this machine's own engine, and everything is removed at the end, also after a
# failure.
#
# Needs root, dockerd, ip, nsenter and unshare.
set -eu
cd "$(dirname "$0")/.."

skip() {
    echo "skipped: $1"
    exit 0
}
[ "$(id -u)" = 0 ] || skip 'engines of its own need root'
for tool in dockerd docker ip nsenter unshare; do
    command -v "$tool" >/dev/null || skip "there is no $tool"
done

id=synod-$(od -An -N3 -tx1 /dev/urandom | tr -d ' \n')
# Not under /run: every engine has a /run of its own. Short: it holds sockets.
stage=$(mktemp -d "/var/tmp/$id.XXXX")
subnet=10.213.77
engines='1 2 3'
stack=synod

take_down() {
    trap '' INT TERM HUP
    for n in $engines; do
        # The first process of its namespace: all others in it go with it.
        [ ! -s "$stage/$n/init" ] || kill -9 "$(cat "$stage/$n/init")" 2>/dev/null || true
    done
    wait
    for n in hub $engines; do ip netns del "$id-$n" 2>/dev/null || true; done
    for group in /sys/fs/cgroup/*/"$id" /sys/fs/cgroup/"$id"; do
        [ ! -d "$group" ] || find "$group" -depth -type d -exec rmdir {} + 2>/dev/null || true
    done
    rm -rf "$stage"
}
trap take_down EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

# on N COMMAND...: on this engine.
on() {
    DOCKER_HOST=unix://$stage/$1/sock
    export DOCKER_HOST
    shift
    "$@"
}

failed() {
    echo "FAILED: $*" >&2
    for n in $engines; do tail -n 3 "$stage/$n/log" >&2 || true; done
    for service in ${stack}_acceptor store_peer; do
        on 1 docker service ps --no-trunc $service >&2 || true
    done
    exit 1
}

# within SECONDS WHAT COMMAND...: waits until the command succeeds.
within() {
    tries=$(($1 * 4)) what=$2
    shift 2
    until "$@" >/dev/null 2>&1; do
        tries=$((tries - 1))
        [ "$tries" -gt 0 ] || failed "$what"
        sleep 0.25
    done
    echo "ok: $what"
}

# A machine: a network namespace with an address on the common bridge, and an engine in it.
ip netns add "$id-hub"
ip -n "$id-hub" link add bridge type bridge
ip -n "$id-hub" link set bridge up
for n in $engines; do
    ip netns add "$id-$n"
    ip -n "$id-$n" link set lo up
    ip -n "$id-hub" link add "to$n" type veth peer name eth0 netns "$id-$n"
    ip -n "$id-hub" link set "to$n" master bridge up
    ip -n "$id-$n" addr add "$subnet.$n/24" dev eth0
    ip -n "$id-$n" link set eth0 up
    ip -n "$id-$n" route add default via "$subnet.254"
    mkdir -p "$stage/$n"
    # Not the configuration of this machine's own engine.
    echo '{}' >"$stage/$n/config"
    # The shell is the first process of its namespace: it says which it is outside, and reaps.
    # shellcheck disable=SC2016 # expanded inside
    nsenter --net="/run/netns/$id-$n" unshare --mount --pid --fork --mount-proc sh -c '
        mount -t tmpfs none /run
        dockerd --config-file "$1/config" --data-root "$1/data" --exec-root "$1/exec" --host "unix://$1/sock" \
            --pidfile "$1/pid" --storage-driver vfs --bridge none --cgroup-parent "$2" &
        wait' engine "$stage/$n" "/$id" >"$stage/$n/log" 2>&1 &
    unshare=$!
    until init=$(cat "/proc/$unshare/task/$unshare/children") && [ -n "$init" ]; do
        kill -0 $unshare || failed "engine $n"
    done
    echo "$init" | tr -d ' ' >"$stage/$n/init"
done
for n in $engines; do within 60 "engine $n answers" on "$n" docker version; done

on 1 docker swarm init --advertise-addr "$subnet.1" >/dev/null
token=$(on 1 docker swarm join-token -q worker)
for n in 2 3; do
    on "$n" docker swarm join --advertise-addr "$subnet.$n" --token "$token" "$subnet.1:2377" \
        >/dev/null
done
all_ready() { [ "$(on 1 docker node ls --format '{{.Status}}' | grep -c Ready)" = 3 ]; }
within 30 'a swarm of three engines' all_ready

on 1 docker/image.sh >/dev/null
on 1 docker save prj4 >"$stage/image"
for n in 2 3; do on "$n" docker load --quiet --input "$stage/image" >/dev/null; done

encrypted=
if ip -n "$id-hub" xfrm state add src "$subnet.1" dst "$subnet.2" proto esp spi 1 mode transport \
    aead 'rfc4106(gcm(aes))' 0x0102030405060708090a0b0c0d0e0f1011121314 128 2>/dev/null; then
    encrypted='-c docker/stack-encrypted.yml'
    echo 'the overlay network is encrypted'
else
    echo 'the overlay network is not encrypted: this kernel has no ESP with AES-GCM'
fi
# deploy FILE STACK [NEW]
deploy() {
    # shellcheck disable=SC2086 # a list of flags
    NEW=${3:-} WAIT=5 ACCEPTORS_PER_MACHINE=2 PEERS_PER_MACHINE=2 on 1 docker stack deploy \
        --resolve-image never -c "docker/$1" $encrypted "$2" >"$stage/deployed" 2>&1 || {
        cat "$stage/deployed" >&2
        failed "the deployment of $2"
    }
}
# client COMMAND...: a client of the store, on engine 1.
client() { on 1 docker run --rm --network store_peers --read-only --cap-drop ALL prj4 "$@"; }
gives() { [ "$(client get "$1" --at "$2:6379")" = "$3" ]; }

# The peers in order, and the lines of each, in a file for each of its incarnations.
peers='first.1 acceptor.1 acceptor.2 acceptor.3 second.1'
gather() {
    for n in $engines; do
        [ -s "$stage/$n/init" ] || continue
        on "$n" docker ps -a --no-trunc --format '{{.Names}}' >"$stage/names"
        while read -r name; do
            on "$n" docker logs --timestamps "$name" >"$stage/line.$name" 2>&1 || true
        done <"$stage/names"
    done
}
# said COUNT TEXT PEER...: each of these peers has said it, in that many incarnations.
said() {
    count=$1 text=$2
    shift 2
    gather
    for peer; do
        [ "$(grep -lF -- "$text" "$stage/line.${stack}_$peer".* 2>/dev/null | wc -l)" -ge "$count" ] ||
            return 1
    done
}

deploy stack-paxos.yml $stack --new
# shellcheck disable=SC2086 # a list of peers
within 90 'test case 2 across three engines: all five know the choice' \
    said 1 '"action":"chose"' $peers
within 60 'peer5 has proposed Y and found X' said 1 'X is chosen' second.1

deploy stack-paxos.yml $stack
# shellcheck disable=SC2086
within 180 'deployed again without --new: all go on from their volumes' \
    said 2 '"action":"chose"' $peers

deploy stack-store.yml store --new
within 90 'the store takes a value' client set key before --at peer1:6379
for n in 1 2 3; do within 30 "peer$n of the store gives it" gives key "peer$n" before; done
ready_again() { [ "$(on 1 docker service inspect --format '{{.UpdateStatus.State}}' store_peer)" = completed ]; }
deploy stack-store.yml store
within 180 'the store deployed again without --new' ready_again
for n in 1 2 3; do within 30 "peer$n goes on from its volume" gives key "peer$n" before; done

slot=$(on 3 docker ps --format '{{.Names}}' | sed -n "s/^${stack}_acceptor\.\([0-9]\)\..*/\1/p" |
    head -n 1)
[ -n "$slot" ] || failed 'no acceptor is on engine 3'
moved=$(on 3 docker ps --format '{{.Names}}' | sed -n 's/^store_peer\.\([0-9]\)\..*/\1/p')
[ -n "$moved" ] || failed 'no peer of the store is on engine 3'
gather
kill -9 "$(cat "$stage/3/init")"
: >"$stage/3/init"
echo "engine 3 is killed, and acceptor$slot with it"
refused() { said 1 'is not new: without its promises it must not vote' "acceptor.$slot"; }
within 120 "Swarm moves acceptor$slot to an engine without its volume; it does not vote" refused
on 1 docker service update --detach --force ${stack}_second >/dev/null
within 120 'peer5 proposes Y again to the two acceptors that are left' said 3 'X is chosen' second.1
for n in 1 2 3; do
    case " $moved " in *"$n"*) continue ;; esac
    within 60 "peer$n of the store still gives what was there" gives key "peer$n" before
    within 60 "peer$n of the store takes another value" client set "key$n" after --at "peer$n:6379"
done
empty() { on 1 docker service logs store_peer 2>&1 | grep -q 'is empty: say --new'; }
within 60 'the peer of the store that was moved does not begin with an empty volume' empty

# The verdict: the lines of all in the order of their times, each under its peer's number.
number=0
for peer in $peers; do
    number=$((number + 1))
    for file in "$stage/line.${stack}_$peer".*; do
        sed "s/^\([^ ]*\) /\1 peer$number | /" "$file"
    done
done | sort -s -k 1,1 | cut -d ' ' -f 2- >"$stage/run.log"
on 1 docker run --rm --network none --read-only --volume "$stage/run.log:/run.log:ro" prj4 \
    check /run.log >"$stage/verdict" || {
    cat "$stage/verdict"
    failed 'the run'
}
tail -n 1 "$stage/verdict"
! grep '"action":"chose"' "$stage/run.log" | grep -v '"message_value":"X"' || failed 'not all chose X'
echo 'passed: all chose X, and the peer without its volume did not vote'
