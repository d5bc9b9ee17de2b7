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
COPY --from=build /billing-operator /kubectl-billing /
USER 65532:65532
ENTRYPOINT ["/billing-operator"]
