# The images of the labs' compose files, built from source with Docker alone:
#
#     docker build . -t prj4                    Paxos (the last stage)
#     docker build . --target prj3 -t prj3      membership
#     docker build . --target prj1 -t prj1      the readiness barrier
#
# They are one program with different entry points, and `hostsfile.txt` differs. Where cargo is
# installed, `make docker-image` compiles outside and uses the stages from `FROM scratch` on
# (docker/image.sh).

# Any public Rust image with glibc, from 1.89 on.
ARG RUST_IMAGE=rust:1-slim-bookworm

FROM ${RUST_IMAGE} AS build
WORKDIR /build
COPY . .
# The repository is not in the build context: docker/image.sh says the commit.
ARG SYNOD_COMMIT=
# Linked statically: the image has no libraries.
RUN program="$(docker/static.sh)" \
    && mkdir -p /out/data \
    && cp "$program" /out/ \
    && cp -r hostsfiles /out/

FROM scratch AS synod
# The labs' compose files name hostsfiles without a directory, so these are in the working
# directory.
WORKDIR /synod
COPY --from=build /out/synod /usr/local/bin/synod
COPY --from=build /out/hostsfiles/*.txt ./
# For `--data /data`. A new named volume takes its owner from this directory.
COPY --from=build --chown=65532:65532 /out/data /data
USER 65532:65532
# A process with pid 1 ignores SIGTERM unless it handles it, and this one handles no signals.
# Killing it is safe: what it answered is durable. For Ctrl-C use `docker run --init`.
STOPSIGNAL SIGKILL
ENTRYPOINT ["/usr/local/bin/synod"]

FROM synod AS prj1
ENTRYPOINT ["/usr/local/bin/synod", "ready"]

# `hostsfile.txt` is a different file in each lab: here the services are called one to five.
FROM synod AS prj3
COPY --from=build /out/hostsfiles/hostsfile-member.txt ./hostsfile.txt
ENTRYPOINT ["/usr/local/bin/synod", "member"]

# The last stage is what `docker build .` builds.
FROM synod AS prj4
