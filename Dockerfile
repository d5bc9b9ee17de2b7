# The same image as `make image` writes, for who prefers Docker: two static binaries and nothing else.
FROM rust:1.95 AS build
WORKDIR /src
COPY . .
RUN target="$(rustc -vV | sed -n 's/^host: //p')" \
    && export RUSTFLAGS="-C target-feature=+crt-static" \
    && cargo build --release --locked --target "$target" --bin billing-operator \
    && cargo build --release --locked --target "$target" --package kubectl-billing \
    && cp "target/$target/release/billing-operator" "target/$target/release/kubectl-billing" /

FROM scratch
ARG IMAGE_VERSION IMAGE_REVISION IMAGE_SOURCE
LABEL org.opencontainers.image.title="billing-operator" \
      org.opencontainers.image.description="Billing groups for Kubernetes: the operator, and kubectl billing" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="$IMAGE_VERSION" \
      org.opencontainers.image.revision="$IMAGE_REVISION" \
      org.opencontainers.image.source="$IMAGE_SOURCE"
COPY --from=build /billing-operator /kubectl-billing /
USER 65532:65532
ENTRYPOINT ["/billing-operator"]
