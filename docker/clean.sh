#!/bin/sh
# Removes what scenarios that were killed have left: by project name, nothing else.
set -eu
cd "$(dirname "$0")/.."
. docker/engine.sh
need_engine
for project in $(projects_for); do
    if is_played "$project"; then
        echo "$project is running and stays; to end it: docker rm -f $project-judge" >&2
    else
        remove_project "$project"
    fi
done
