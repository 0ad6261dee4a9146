#!/bin/sh
# Builds the image prj4 in one of two ways, and says which.
#
# usage: [SYNOD_BUILD=source|binary] docker/image.sh
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

old=$(docker images --quiet prj4)
way=${SYNOD_BUILD:-}
if [ -z "$way" ]; then
    way=source
    if fits; then way=binary; fi
fi

case $way in
    source)
        echo 'image prj4: built from source in the public Rust image (minutes, the first time)'
        docker build -f docker/Dockerfile --target prj4 -t prj4 \
            ${RUST_IMAGE:+--build-arg "RUST_IMAGE=$RUST_IMAGE"} .
        ;;
    binary)
        echo "image prj4: takes the binary that cargo builds here for $triple"
        RUSTFLAGS='-C target-feature=+crt-static' \
            cargo build --quiet --release --locked --bin synod --target "$triple" || {
            echo 'SYNOD_BUILD=source builds it in a container instead' >&2
            exit 1
        }
        context=$(mktemp -d)
        trap 'rm -rf "$context" "$context.log"' EXIT
        cp "${CARGO_TARGET_DIR:-target}/$triple/release/synod" hostsfiles/*.txt "$context"
        mkdir "$context/data"
        # Where there is only the older builder, the client warns of it each time.
        docker build -f docker/Dockerfile.local -t prj4 "$context" >"$context.log" 2>&1 || {
            cat "$context.log" >&2
            exit 1
        }
        ;;
    *)
        echo "SYNOD_BUILD=$way: there are two ways to build, source and binary" >&2
        exit 1
        ;;
esac

# The image that had the name before; it stays where something else still uses it.
if [ -n "$old" ] && [ "$old" != "$(docker images --quiet prj4)" ]; then
    docker rmi "$old" >/dev/null 2>&1 || true
fi
