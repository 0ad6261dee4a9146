#!/bin/sh
# Builds the images prj4, prj1 and prj3 in one of two ways, and says which. They are one program;
# what differs is the protocol that it starts with (Paxos, the barrier, the group).
#
# usage: [SYNOD_BUILD=source|binary] docker/image.sh [PROJECT]
#
# With a project, the images are also called PROJECT/prj4 and so on: those names are this build's,
# whatever else is built meanwhile.
#
# source: in the public Rust image; needs nothing but the engine. binary: cargo builds the program
# here, and the image takes it; much faster where there is a toolchain, and it works where nothing
# can be pulled. Without SYNOD_BUILD: binary, if cargo here builds for the engine's machine.
set -eu
cd "$(dirname "$0")/.."
. docker/engine.sh
need_engine

triple=$(rustc -vV 2>/dev/null | sed -n 's/^host: //p')
fits() {
    command -v cargo >/dev/null || return 1
    case $platform:$triple in
        linux/amd64:x86_64-*-linux-*) true ;;
        linux/arm64:aarch64-*-linux-*) true ;;
        *) false ;;
    esac
}

images='prj4 prj1 prj3' project=${1:-}
old=$(for image in $images; do docker images --quiet "$image"; done)
way=${SYNOD_BUILD:-}
if [ -z "$way" ]; then
    way=source
    if fits; then way=binary; fi
fi

case $way in
    source)
        echo 'image prj4: built from source in the public Rust image (minutes, the first time)'
        for image in $images; do
            docker build --target "$image" -t "$image" ${project:+-t "$project/$image"} \
                ${RUST_IMAGE:+--build-arg "RUST_IMAGE=$RUST_IMAGE"} .
        done
        ;;
    binary)
        echo "image prj4: takes the binary that cargo builds here for $triple"
        program=$(docker/static.sh) || {
            echo 'SYNOD_BUILD=source builds it in a container instead' >&2
            exit 1
        }
        context=$(mktemp -d)
        trap 'rm -rf "$context" "$context.log"' EXIT
        cp "$program" "$context/synod"
        cp -r hostsfiles "$context"
        mkdir "$context/data"
        # The same stages, without the one that compiles: the classic builder runs every stage above
        # its target, needed or not.
        sed -n '/^FROM scratch/,$ { s|--from=build ||; s|/out/||; p; }' Dockerfile \
            >"$context/Dockerfile"
        # Where there is only the older builder, the client warns of it each time.
        for image in $images; do
            docker build --target "$image" -t "$image" ${project:+-t "$project/$image"} \
                "$context" >"$context.log" 2>&1 || {
                cat "$context.log" >&2
                exit 1
            }
        done
        ;;
    *)
        echo "SYNOD_BUILD=$way: there are two ways to build, source and binary" >&2
        exit 1
        ;;
esac

# The images that had the names before; they stay where something else still uses them.
new=" $(for image in $images; do docker images --quiet "$image"; done | tr '\n' ' ')"
for image in $old; do
    case $new in
        *" $image "*) ;;
        *) docker rmi "$image" >/dev/null 2>&1 || true ;;
    esac
done
