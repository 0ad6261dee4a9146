# shellcheck shell=sh
# shellcheck disable=SC2034 # $platform and $compose are for those who source this
# Sourced: finds the engine and a compose tool, or says what is lacking.

# Ends the script. Where containers are not wanted, what needs them has nothing to do.
lacking() {
    if [ "${SYNOD_NO_DOCKER:-}" = 1 ]; then
        echo "skipped: $1 (SYNOD_NO_DOCKER=1)"
        exit 0
    fi
    echo "$1; SYNOD_NO_DOCKER=1 skips all that needs containers" >&2
    exit 1
}

need_engine() {
    command -v docker >/dev/null || lacking 'there is no docker command'
    platform=$(docker version --format '{{.Server.Os}}/{{.Server.Arch}}' 2>/dev/null) ||
        lacking 'no docker engine answers'
}

need_compose() {
    if docker compose version >/dev/null 2>&1; then
        compose='docker compose'
    elif docker-compose version >/dev/null 2>&1; then
        compose='docker-compose'
    else
        lacking 'there is neither docker compose nor docker-compose'
    fi
}

# Removes all that belongs to a compose project, whichever tool made it, and nothing else.
remove_project() {
    label=label=com.docker.compose.project=$1
    ids=$(docker ps -aq --filter "$label")
    # shellcheck disable=SC2086 # lists of ids
    [ -z "$ids" ] || docker rm -f $ids >/dev/null
    ids=$(docker network ls -q --filter "$label")
    # shellcheck disable=SC2086
    [ -z "$ids" ] || docker network rm $ids >/dev/null
    ids=$(docker volume ls -q --filter "$label")
    # shellcheck disable=SC2086
    [ -z "$ids" ] || docker volume rm $ids >/dev/null
}
