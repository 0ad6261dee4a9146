# The images of the labs' compose files, built from source with Docker alone:
#
#     docker build . -t prj4                    Paxos (the last stage)
#     docker build . --target prj3 -t prj3      membership
#     docker build . --target prj1 -t prj1      the readiness barrier
#
# They are one program; what differs is the protocol that it starts with, and `hostsfile.txt`.
# Where cargo is at hand, `make docker-image` builds the program outside and takes the stages from
# `FROM scratch` on as they stand here (docker/image.sh).

# Any public Rust image with glibc, from 1.89 on.
ARG RUST_IMAGE=rust:1-slim-bookworm

FROM ${RUST_IMAGE} AS build
WORKDIR /build
COPY . .
# Linked statically, because the result has no libraries.
RUN program="$(docker/static.sh)" \
    && mkdir -p /out/data \
    && cp "$program" /out/ \
    && cp -r hostsfiles /out/

FROM scratch AS synod
# The labs' files name hostsfiles without a directory, so they lie in the working directory.
WORKDIR /synod
COPY --from=build /out/synod /usr/local/bin/synod
COPY --from=build /out/hostsfiles/*.txt ./
# For `--data /data`. A new named volume takes its owner from here.
COPY --from=build --chown=65532:65532 /out/data /data
USER 65532:65532
# As pid 1 a program ignores SIGTERM unless it handles it. This one handles none: what it answered
# is durable, so a kill is a clean end. For Ctrl-C there is `docker run --init`.
STOPSIGNAL SIGKILL
ENTRYPOINT ["/usr/local/bin/synod"]

FROM synod AS prj1
ENTRYPOINT ["/usr/local/bin/synod", "ready"]

# `hostsfile.txt` means another file in each lab: here the services are one to five.
FROM synod AS prj3
COPY --from=build /out/hostsfiles/hostsfile-member.txt ./hostsfile.txt
ENTRYPOINT ["/usr/local/bin/synod", "member"]

# The last stage is what `docker build .` gives.
FROM synod AS prj4
