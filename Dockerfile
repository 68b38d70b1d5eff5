# Both base images can be replaced, by a mirror's or by your own: build with --build-arg.
# Builder and final image must be of the same Debian release, or the binary asks for a newer glibc.
ARG BUILD_IMAGE=docker.io/library/rust:1.95-bookworm
ARG RUNTIME_IMAGE=gcr.io/distroless/cc-debian12:nonroot

FROM ${BUILD_IMAGE} AS build
WORKDIR /src
# No path of the building machine gets into the program, so that the same sources make the same
# program anywhere; tests/reproducible holds it to that.
ENV CARGO_HOME=${CARGO_HOME:-/usr/local/cargo}
ENV RUSTFLAGS="--remap-path-prefix=${CARGO_HOME}=/cargo"

# The dependencies first, with an empty program: this layer is built again only when Cargo.toml or
# Cargo.lock change.
COPY Cargo.toml Cargo.lock ./
RUN mkdir src \
 && echo 'fn main() {}' > src/main.rs \
 && touch src/lib.rs \
 && cargo build --locked --release \
 && rm -r src

COPY src src
# Cargo trusts modification times, and those of the sources are older than the empty program's
# build; so its result is removed by name.
RUN cargo clean --release --package pullcheck \
 && cargo build --locked --release --bin pullcheck

# glibc with its own allocator was the best of what was measured, and this image brings both and
# the CA certificates without which the pull client does not start. It has no shell.
FROM ${RUNTIME_IMAGE}
ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="pullcheck" \
      org.opencontainers.image.description="Kubernetes admission webhook that tells at kubectl apply whether a node could pull the images" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
COPY LICENSE /LICENSE
COPY --from=build /src/target/release/pullcheck /pullcheck
# By number, so that the kubelet can tell for runAsNonRoot that it is not root.
USER 65532:65532
EXPOSE 8443 8080
ENTRYPOINT ["/pullcheck"]
CMD ["serve"]
