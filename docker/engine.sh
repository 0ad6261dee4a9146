# shellcheck shell=sh
# shellcheck disable=SC2034 # $platform and $compose are for those who source this
# Sourced: finds the engine and a compose tool, or says what is missing.

# Ends the script: with 0 where containers are not wanted, else with 1.
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

# A project name for this run alone: every other run on the same engine has another one.
project_for() {
    printf '%s-%s' "$1" "$(od -An -N4 -tx4 /dev/urandom | tr -d ' \n')"
}

# The projects of all runs of this scenario, or of all scenarios.
projects_for() {
    key=com.docker.compose.project format="{{.Label \"com.docker.compose.project\"}}"
    {
        docker ps -a --filter "label=$key" --format "$format"
        docker network ls --filter "label=$key" --format "$format"
        docker volume ls --filter "label=$key" --format "$format"
    } | sort -u | grep -x "${1:-synod-[a-z0-9]*}-[0-9a-f]\{8\}" || true
}

# True while the run goes on: its judge is created before its other containers. If the script is
# killed with `kill -9`, the judge ends by itself, with its input or at its time-out.
is_played() {
    docker container inspect "$1-judge" >/dev/null 2>&1
}

# Removes all that belongs to a compose project, whichever tool created it, and nothing else. It
# tries again until nothing is left: a network cannot be removed while a container that is being
# removed is still attached to it.
remove_project() {
    label=label=com.docker.compose.project=$1 tries=20
    while :; do
        containers=$(docker ps -aq --filter "$label")
        networks=$(docker network ls -q --filter "$label")
        volumes=$(docker volume ls -q --filter "$label")
        images=$(docker images --format '{{.Repository}}' --filter "reference=$1/*")
        [ -n "$containers$networks$volumes$images" ] || return 0
        if [ "$tries" -le 0 ]; then
            # shellcheck disable=SC2086 # lists of ids
            echo "$1: the engine could not remove:" $containers $networks $volumes $images \
                >&2
            return 0
        fi
        tries=$((tries - 1))
        # shellcheck disable=SC2086 # lists of ids
        {
            [ -z "$containers" ] || docker rm -f $containers
            [ -z "$networks" ] || docker network rm $networks
            [ -z "$volumes" ] || docker volume rm $volumes
            # Only the names; an image stays while it has another one.
            [ -z "$images" ] || docker rmi $images
        } >/dev/null 2>&1 || sleep 0.1
    done
}
