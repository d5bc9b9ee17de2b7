# The same image as `make image` writes, for who prefers Docker: one static binary and nothing else.
FROM rust:1.95 AS build
WORKDIR /src
COPY . .
RUN target="$(rustc -vV | sed -n 's/^host: //p')" \
    && RUSTFLAGS="-C target-feature=+crt-static" cargo build --release --locked --target "$target" --bin billing-operator \
    && cp "target/$target/release/billing-operator" /billing-operator

FROM scratch
COPY --from=build /billing-operator /billing-operator
USER 65532:65532
ENTRYPOINT ["/billing-operator"]
