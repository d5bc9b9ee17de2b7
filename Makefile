# What people type. Everything here is one command, so that it can also be typed without make.

VERSION := $(shell sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -n 1)
IMAGE ?= billing-operator:$(VERSION)

CARGO_TARGET_DIR ?= target
IMAGE_ARCHIVE := $(abspath $(CARGO_TARGET_DIR))/billing-operator-image.tar
HOST := $(shell rustc -vV 2>/dev/null | sed -n 's/^host: //p')

.DEFAULT_GOAL := help
.PHONY: help demo demo-stop test tools archives image generate fmt lint bench fuzz

help: ## Say what there is to make
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 14

# Debug builds: the tests use the same ones.
demo: ## Show the product on a throwaway API server; the first time this builds Kubernetes, etcd and Helm
	@cargo build --workspace --bins
	@$(MAKE) --no-print-directory tools >/dev/null
	@cargo run --quiet --package billing-test-harness --bin demo

demo-stop: ## End the demo and remove it
	@cargo run --quiet --package billing-test-harness --bin demo stop

test: tools ## Run every test; the first time this builds Kubernetes, etcd and Helm
	cargo test --package billing-test-harness --test image
	cargo test --workspace

fuzz: tools ## Throw 20,000 random requests of tenants and roles at a world with finals (about ten minutes)
	BILLING_FUZZ_REQUESTS=20000 cargo test --package billing-operator --test it -- --nocapture rules::fuzz::random

bench: tools ## Measure the engine and the operator, with the bare cost beside it (about half an hour)
	cargo bench --bench engine
	cargo bench --package billing-documents --features export --bench export
	cargo bench --bench cluster

tools: ## Find or build the programs that the tests need (about 10 minutes, once)
	@cargo run --quiet --package billing-test-harness --bin test-assets

# Other platforms' programs are built where they run; the archives of all of them are written together:
# plugin-archives <version> <url> <folder> <platform>=<program>…
ARCHIVE_URL ?= https://example.com/billing-operator/releases/v$(VERSION)
PLATFORM := $(shell uname -s | tr A-Z a-z)-$(shell uname -m | sed 's/x86_64/amd64/; s/aarch64/arm64/')

archives: ## Write the plugin's archive and its krew manifest to target/dist
	@cargo build --release --locked --bin kubectl-billing
	@cargo run --quiet --package billing-test-harness --bin plugin-archives -- $(VERSION) $(ARCHIVE_URL) \
		$(CARGO_TARGET_DIR)/dist $(PLATFORM)=$(CARGO_TARGET_DIR)/release/kubectl-billing

# With --target the flags below reach what runs in the image, and not the build scripts. The two are built one after the other,
# so that the operator does not get what only the plugin needs. Linux only: elsewhere there is the Dockerfile.
IMAGE_REVISION ?= $(shell git rev-parse --verify --quiet HEAD 2>/dev/null)
IMAGE_SOURCE ?=

image: ## Write the container image to an archive for docker load, ctr image import, kind load image-archive
	@RUSTFLAGS="-C target-feature=+crt-static" cargo build --release --locked --target $(HOST) --bin billing-operator
	@RUSTFLAGS="-C target-feature=+crt-static" cargo build --release --locked --target $(HOST) --package kubectl-billing
	@IMAGE_REVISION=$(IMAGE_REVISION) IMAGE_SOURCE=$(IMAGE_SOURCE) \
		cargo run --quiet --package billing-test-harness --bin image -- $(IMAGE) $(IMAGE_ARCHIVE) \
		$(CARGO_TARGET_DIR)/$(HOST)/release/billing-operator $(CARGO_TARGET_DIR)/$(HOST)/release/kubectl-billing

generate: ## Write the files that are made from the code (crds/, the chart's copy, and the policies that the operator knows)
	UPDATE=1 cargo test --quiet --package billing-api --lib crds
	UPDATE=1 cargo test --quiet --package billing-operator --test it chart::definitions
	UPDATE=1 cargo test --quiet --package billing-operator --test it chart::built
	UPDATE=1 cargo test --quiet --package billing-operator --test it chart::values::templates

fmt: ## Format the code
	cargo fmt --all

lint: ## Check the format, and the code with every warning an error
	cargo fmt --all --check
	cargo clippy --workspace --all-targets -- -D warnings
