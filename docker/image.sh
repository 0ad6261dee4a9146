#!/bin/sh
# Builds the images prj4 (Paxos), prj1 (readiness) and prj3 (membership) in one of two ways, and
# says which. They are one program with different entry points.
#
# usage: [SYNOD_BUILD=source|binary] docker/image.sh [PROJECT]
#
# With a project, the images are also called PROJECT/prj4 and so on. Those names belong to this
# build, whatever else is built meanwhile.
#
# source: compiles in the public Rust image; needs only the engine. binary: cargo compiles here and
# the image takes the binary; faster, and nothing is pulled. The default is binary where cargo
# builds for the engine's platform.
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
                --build-arg "SYNOD_COMMIT=$(git rev-parse --short=10 HEAD 2>/dev/null)" \
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
        # The same stages without the one that compiles: the classic builder runs every stage above
        # its target, needed or not.
        sed -n '/^FROM scratch/,$ { s|--from=build ||; s|/out/||; p; }' Dockerfile \
            >"$context/Dockerfile"
        # The output is shown only on failure: some clients warn of the classic builder each time.
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

# Removes the images that had these names before, unless something else uses them.
new=" $(for image in $images; do docker images --quiet "$image"; done | tr '\n' ' ')"
for image in $old; do
    case $new in
        *" $image "*) ;;
        *) docker rmi "$image" >/dev/null 2>&1 || true ;;
    esac
done
