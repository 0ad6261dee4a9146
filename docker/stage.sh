# shellcheck shell=sh
# Sourced: what all scenarios share.
#
#     raise NAME COMPOSE_FILE HOSTSFILE [VALUE]      creates containers and starts the judge only
#                                                    ($protocol: its name and the judge's flags)
#     start PEER...                                  starts peers; their lines go to the judge
#     heading, announce, await, disconnect, connect  for faults
#     conclude                                       ends the script with the judge's verdict
#
# Compose creates the containers and networks; the engine's own client starts them and reads their
# output. Compose attaches to a restarted container only once it runs, so its first lines can be
# lost; `docker start --attach` loses none. However the script ends, everything is removed.
#
# Each run has its own project and image names, so any number of runs, also of different versions,
# can share an engine.
#
# The judge is `synod judge` in a container of the same image. It reads what is written to file
# descriptor 3.
. docker/engine.sh

# How long a whole scenario may take, and one step of it.
deadline_s=60
await_s=20

raise() {
    file=$2 hosts=$3 value=${4:-}
    need_engine
    need_compose
    # Left by runs that were killed with `kill -9`.
    for project in $(projects_for "$1"); do
        is_played "$project" || remove_project "$project"
    done
    refuse_taken_names
    project=$(project_for "$1")
    stage=$(mktemp -d)
    trap 'take_down' EXIT
    trap 'exit 130' INT
    trap 'exit 143' TERM HUP
    docker/image.sh "$project"
    mkfifo "$stage/log"
    # Created first: containers without a judge count as abandoned.
    # shellcheck disable=SC2086 # a list of flags
    docker create --rm --interactive --init --name "$project-judge" --network none --read-only \
        --cap-drop ALL --log-driver none "$project/prj4" \
        judge ${protocol:-paxos} -h "$hosts" ${value:+--expect "$value"} --timeout "$deadline_s" \
        >/dev/null
    docker start --attach --interactive "$project-judge" <"$stage/log" &
    judge=$!
    exec 3>"$stage/log"
    sed "s|image: prj|image: $project/prj|" "$file" >"$stage/compose.yml"
    $compose -p "$project" -f "$stage/compose.yml" up --no-start
    containers=$(docker ps -a --filter "label=com.docker.compose.project=$project" \
        --format '{{.Label "com.docker.compose.service"}}={{.ID}}')
    # Each line of the hostsfile, in order, is a service of the compose file.
    peers=$(sed -n 's/^ *\([^:# ][^: ]*\).*/\1/p' "hostsfiles/$hosts")
    for peer in $peers; do
        [ -n "$(container_of "$peer")" ] && continue
        echo "$file has no service $peer, which is a line of hostsfiles/$hosts" >&2
        exit 1
    done
}

# A compose file that names its containers, as the lab's do, can run only once at a time.
refuse_taken_names() {
    for name in $(sed -n 's/^ *container_name: *//p' "$file"); do
        format='{{index .Config.Labels "com.docker.compose.project"}}'
        owner=$(docker container inspect --format "$format" "$name" 2>/dev/null) || continue
        echo "$file calls a container $name, and there is one already${owner:+, of project $owner};" \
            "wait until its run has ended, or remove it: docker rm -f $name" >&2
        exit 1
    done
}

take_down() {
    trap '' INT TERM HUP
    docker rm -f "$project-judge" >/dev/null 2>&1 || true
    remove_project "$project"
    rm -rf "$stage"
}

container_of() {
    for container in $containers; do
        case $container in "$1="*) echo "${container#*=}" ;; esac
    done
}

start() {
    for peer; do
        : >"$stage/$peer"
        # Once the judge has ended, nobody reads; that ends the watcher quietly.
        watch "$peer" "$(container_of "$peer")" 2>/dev/null &
        echo $! >"$stage/$peer.pid"
    done
}

# Starts one container and passes its lines on until it ends, then says so as compose does.
watch() {
    name=$(printf '%-6s|' "$1")
    if [ -t 1 ] && [ -z "${NO_COLOR:-}" ]; then
        number=$(echo "$peers" | grep -nx -- "$1" | cut -d: -f1)
        name=$(printf '\033[3%dm%s\033[0m' "$((6 - number % 6))" "$name")
    fi
    # A pipe for each stream: in one pipe, parts of their lines could be mixed.
    { docker start --attach "$2" 2>&4 | pass_on "$1" "$name"; } 4>&1 | pass_on "$1" "$name"
    code=$(docker inspect --format '{{.State.ExitCode}}' "$2") &&
        echo "$1 exited with code $code" >&3
}

# Tells the judge what is done to a peer; see `synod judge --help`. (The subshell takes the signal
# if the judge has ended.)
announce() {
    (echo "==> $*" >&3) 2>/dev/null || true
}

# Says what will happen. The judge prints it.
heading() {
    printf '# %s\n' "$@" >&3
}

# Waits until each of these peers has printed this text since its last start.
await() {
    text=$1 tries=$((await_s * 10))
    shift
    for peer; do
        until grep -qF -- "$text" "$stage/$peer"; do
            # The judge has reached its verdict, so the rest is not needed.
            kill -0 "$judge" 2>/dev/null || conclude
            tries=$((tries - 1))
            if [ "$tries" -le 0 ]; then
                announce "broken off: $peer has not printed $text"
                conclude
            fi
            sleep 0.1
        done
    done
}

await_choice() {
    await '"action":"chose"' "$@"
}

# Waits until the last line of a killed peer has been passed on.
await_end() {
    wait "$(cat "$stage/$1.pid")" || true
}

# Compose gives the project's network this name.
disconnect() {
    docker network disconnect "${2:-${project}_default}" "$(container_of "$1")"
}

# Compose gives a container its alias; here it must be given again.
connect() {
    docker network connect --alias "$1" "${2:-${project}_default}" "$(container_of "$1")"
}

pass_on() {
    while IFS= read -r line || [ -n "$line" ]; do
        printf '%s %s\n' "$2" "$line" >&3
        printf '%s\n' "$line" >>"$stage/$1"
        printf '%s | %s\n' "$1" "$line" >>"$stage/all"
    done
}

# With DRAW=FILE in the environment the run is drawn; the extension selects the format.
draw() {
    case $DRAW in
        *.html | *.htm) form=html ;;
        *.svg) form=svg ;;
        *.mmd) form=mermaid ;;
        *) form=text ;;
    esac
    docker run --rm --interactive --network none --read-only --cap-drop ALL "$project/prj4" \
        draw --format "$form" --hosts "$hosts" - <"$stage/all" >"$DRAW"
}

conclude() {
    code=0
    wait "$judge" || code=1
    if [ -n "${DRAW:-}" ]; then draw || code=1; fi
    exit "$code"
}
