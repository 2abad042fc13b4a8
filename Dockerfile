# syntax=docker/dockerfile:1

# Alpine's Rust targets musl, which links statically, on x86_64 and aarch64 alike.
FROM rust:1.95-alpine AS build
ARG TARGETPLATFORM
# The C of SQLite and of the TLS library is compiled with gcc; neither needs cmake, perl or bindgen.
RUN apk add --no-cache gcc musl-dev
WORKDIR /build
COPY . .
# The caches keep compiled dependencies between builds, one for each platform. The touch is for a context whose
# files are older than the cache, which cargo would take for already compiled.
RUN --mount=type=cache,target=/usr/local/cargo/registry,sharing=locked \
    --mount=type=cache,target=/build/target,id=switchboard-target-$TARGETPLATFORM,sharing=locked \
    touch src/lib.rs src/main.rs \
    && cargo build --profile dist --locked --bin switchboard \
    && mkdir -p /image/data /image/tmp \
    && cp target/dist/switchboard /image/

FROM scratch
COPY --from=build /image/switchboard /switchboard
COPY --from=build --chown=65532:65532 /image/data /data
# `simulate` keeps its throw-away ledger in /tmp.
COPY --from=build --chown=65532:65532 /image/tmp /tmp
USER 65532:65532
# The ledger's default path is relative, so it lands in the volume, and store.url or DATABASE_URL still replace it.
WORKDIR /data
VOLUME /data
ENV SWITCHBOARD_LOG__FORMAT=json
# Nothing else is in the image: a binary that is not static fails here and not where it is deployed.
RUN ["/switchboard", "--version"]
EXPOSE 3000
STOPSIGNAL SIGTERM
ENTRYPOINT ["/switchboard"]
CMD ["run"]
