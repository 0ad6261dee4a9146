#!/bin/sh
# Plays the demonstration of the ring in eight containers, and ends with its verdict: request, quit,
# kill, request.
#
# usage: docker/ring.sh
set -eu
cd "$(dirname "$0")/.."
. docker/engine.sh
need_engine
need_compose

await_s=60
project=$(project_for synod-ring)
stage=$(mktemp -d)

take_down() {
    trap '' INT TERM HUP
    docker rm -f "$project-judge" >/dev/null 2>&1 || true
    remove_project "$project"
    rm -rf "$stage"
}

# Left by runs that were killed with `kill -9`.
for other in $(projects_for synod-ring); do
    is_played "$other" || remove_project "$other"
done
trap 'take_down' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP
docker/image.sh "$project"
# Created first: containers without a judge count as abandoned.
docker create --interactive --init --name "$project-judge" --network none --read-only \
    --cap-drop ALL "$project/prj4" check --ring - >/dev/null
sed "s|image: prj|image: $project/prj|" compose/ring.yml >"$stage/compose.yml"
$compose -p "$project" -f "$stage/compose.yml" up --no-start
containers=$(docker ps -a --filter "label=com.docker.compose.project=$project" \
    --format '{{.Label "com.docker.compose.service"}}={{.ID}}')

container_of() {
    for container in $containers; do
        case $container in "$1="*) echo "${container#*=}" ;; esac
    done
}

fail() {
    echo "FAILED: $*"
    exit 1
}

# Waits until this peer has printed this line so often.
await() {
    tries=$((await_s * 5))
    until [ "$(docker logs "$(container_of "$1")" 2>/dev/null | grep -cxF -- "$2")" -ge "${3:-1}" ]
    do
        tries=$((tries - 1))
        [ "$tries" -gt 0 ] || fail "$1 has not printed: $2"
        sleep 0.2
    done
    echo "$1 | $2"
}

# The container's standard input stays open when the client goes.
type_to() {
    echo "# $1: $2"
    {
        printf '%s\n' "$2" |
            timeout -s KILL 2 docker attach --sig-proxy=false "$(container_of "$1")" || true
    } >/dev/null 2>&1
}

head -c 20011 /dev/urandom >"$stage/2012.pdf"
chmod 644 "$stage/2012.pdf"
docker cp "$stage/2012.pdf" "$(container_of peer1):/data/2012.pdf" >/dev/null
for id in 1 3 4 5 8 10 12 15; do
    docker start "$(container_of "peer$id")" >/dev/null
done
for pair in 1:15 3:1 4:3 5:4 8:5 10:8 12:10 15:12; do
    await "peer${pair%:*}" "A ping request message was received from Peer ${pair#*:}."
done
type_to peer8 'request 2012'
await peer10 'File 2012 is not stored here.'
await peer1 'File 2012 is here.'
await peer8 'The file is received.'
type_to peer10 quit
await peer8 'My second successor is now peer 15.'
await peer5 'My second successor is now peer 12.'
echo '# peer5: killed'
docker kill --signal KILL "$(container_of peer5)" >/dev/null
await peer4 'My second successor is now peer 12.'
await peer3 'My second successor is now peer 8.'
type_to peer8 'request 2012'
await peer8 'The file is received.' 2
docker cp "$(container_of peer8):/data/received_file_2012_8.pdf" "$stage/received" >/dev/null
cmp "$stage/2012.pdf" "$stage/received" || fail 'the received file is another one'
for id in 1 3 4 5 8 10 12 15; do
    docker logs "$(container_of "peer$id")" 2>/dev/null | sed "s/^/peer$id | /" >>"$stage/lines"
    for side in responding requesting; do
        docker cp "$(container_of "peer$id"):/data/${side}_log.txt" "$stage/log" >/dev/null 2>&1 ||
            continue
        sed "s/^/peer$id | /" "$stage/log" >>"$stage/lines"
    done
done
echo '==> peer5 killed' >>"$stage/lines"
docker start --attach --interactive "$project-judge" <"$stage/lines" || fail 'the judge says so'
echo 'passed: the file has come twice, byte for byte'
