# The same image as `make image` writes, for who prefers Docker: three static binaries, their licences and nothing else.
# docker build --build-arg VERSION=… --build-arg REVISION=$(git rev-parse HEAD) .
FROM rust:1.95 AS build
WORKDIR /src
COPY . .
RUN cargo fetch --locked \
    && folder="$(packaging/build "$(rustc -vV | sed -n 's/^host: //p')")" \
    && mkdir -p /root-of-image/licenses \
    && cp "$folder/billing-operator" "$folder/billing-meter" "$folder/kubectl-billing" /root-of-image/ \
    && cp LICENSE /root-of-image/licenses/ \
    && cargo run --quiet --locked --package billing-test-harness --bin licences > /root-of-image/licenses/THIRD-PARTY.txt

FROM scratch
ARG VERSION
ARG REVISION
LABEL org.opencontainers.image.title="billing-operator" \
      org.opencontainers.image.description="Billing groups for Kubernetes: one payer per project, one invoice per month." \
      org.opencontainers.image.version="$VERSION" \
      org.opencontainers.image.revision="$REVISION" \
      org.opencontainers.image.source="https://example.com/billing-operator" \
      org.opencontainers.image.url="https://example.com/billing-operator" \
      org.opencontainers.image.documentation="https://example.com/billing-operator/blob/main/docs/README.md" \
      org.opencontainers.image.licenses="Apache-2.0"
COPY --from=build /root-of-image /
USER 65532:65532
ENTRYPOINT ["/billing-operator"]
