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

# Removes all that belongs to a compose project, whichever tool made it, and nothing else. It looks
# again until nothing is there: a network cannot go while the end of a removed container still hangs
# on it, and that can take a moment.
remove_project() {
    label=label=com.docker.compose.project=$1 tries=20
    while :; do
        containers=$(docker ps -aq --filter "$label")
        networks=$(docker network ls -q --filter "$label")
        volumes=$(docker volume ls -q --filter "$label")
        [ -n "$containers$networks$volumes" ] || return 0
        if [ "$tries" -le 0 ]; then
            # shellcheck disable=SC2086 # lists of ids
            echo "$1: the engine does not let go of:" $containers $networks $volumes >&2
            return 0
        fi
        tries=$((tries - 1))
        # shellcheck disable=SC2086 # lists of ids
        {
            [ -z "$containers" ] || docker rm -f $containers
            [ -z "$networks" ] || docker network rm $networks
            [ -z "$volumes" ] || docker volume rm $volumes
        } >/dev/null 2>&1 || sleep 0.1
    done
}
