# What people type. Everything here is one command, so that it can also be typed without make.

VERSION := $(shell sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -n 1)
IMAGE ?= billing-operator:$(VERSION)

CARGO_TARGET_DIR ?= target
# A command about one crate has Cargo compile what stands below it once more, with the features that this crate alone wants. So all
# that is built here is built of the whole workspace: each library once.
RUN = cargo build --quiet --workspace --bin $(1) && $(CARGO_TARGET_DIR)/debug/$(1)
IT := cargo test --workspace --test it

IMAGE_ARCHIVE := $(abspath $(CARGO_TARGET_DIR))/billing-operator-image.tar
HOST := $(shell rustc -vV 2>/dev/null | sed -n 's/^host: //p')

.DEFAULT_GOAL := help
.PHONY: help demo demo-stop test histories tools archives image release release-files release-check tree-is-clean site generate fmt lint bench fuzz test-documents

help: ## Say what there is to make
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 14

# Debug builds: the tests use the same ones.
demo: ## Show the product on a throwaway API server; the first time this builds Kubernetes, etcd and Helm
	@cargo build --workspace --bins
	@$(MAKE) --no-print-directory tools >/dev/null
	@$(call RUN,demo)

demo-stop: ## End the demo and remove it
	@$(call RUN,demo) stop

test: tools ## Run every test; the first time this builds Kubernetes, etcd and Helm
	cargo test --workspace --test image --test site
	cargo test --workspace

histories: tools ## Close 10,000 random histories, and compare them with the independent implementation (about half an hour)
	BILLING_HISTORIES=10000 cargo test --workspace --lib -- --nocapture late::properties differential::histories

fuzz: tools ## Throw 20,000 random requests of tenants and roles at a world with finals (about ten minutes)
	BILLING_FUZZ_REQUESTS=20000 $(IT) -- --nocapture rules::fuzz::random

test-documents: tools ## Print every document of the corpus and 1,000 e-invoices, and have each judged by what others wrote (half an hour)
	BILLING_DOCUMENTS=all $(IT) -- --nocapture documents::

bench: tools ## Measure the engine and the operator, with the bare cost beside it (about half an hour)
	cargo bench --bench engine
	cargo bench --package billing-documents --features export --bench export
	cargo bench --package billing-pdf
	cargo bench --bench cluster

tools: ## Find or build the programs that the tests need (about 10 minutes, once)
	@$(call RUN,test-assets)

# Where the project lives: forks say their own.
REPOSITORY ?= https://example.com/billing-operator
ARCHIVE_URL ?= $(REPOSITORY)/releases/download/v$(VERSION)
PLATFORM := $(shell uname -s | tr A-Z a-z)-$(shell uname -m | sed 's/x86_64/amd64/; s/aarch64/arm64/')
COMMIT = $(shell git rev-parse HEAD 2>/dev/null)

# Programs for other systems than Linux are built where they run; archives of several platforms are written together:
# plugin-archives <version> <url> <folder> <platform>=<program>…
archives: ## Write the plugin's archive and its krew manifest to target/dist
	@cargo build --release --locked --bin kubectl-billing
	@$(call RUN,plugin-archives) $(VERSION) $(ARCHIVE_URL) \
		$(CARGO_TARGET_DIR)/dist $(PLATFORM)=$(CARGO_TARGET_DIR)/release/kubectl-billing

# What programs for others are built with; a test of how they are packed takes `packing`, which is soon done.
PROFILE ?= release

# Linux only: elsewhere there is the Dockerfile.
image: ## Write the container image to an archive for docker load, ctr image import, kind load image-archive
	@folder=$$(packaging/build $(HOST) $(PROFILE)) && $(call RUN,image) $(IMAGE) $(IMAGE_ARCHIVE) "$(COMMIT)" $(REPOSITORY) \
		$$folder/billing-operator $$folder/billing-meter $$folder/kubectl-billing

# docs/releases.md says what is written. KEY is a private key on P-256; REGISTRY, if it is given, gets images and chart.
RELEASE := $(abspath $(CARGO_TARGET_DIR))/release-$(VERSION)
BUILDER ?= $(REPOSITORY)/blob/main/docs/releases.md#by-hand

release: tree-is-clean release-files ## Make a release of this commit: KEY=key.pem [REGISTRY=registry.example.com/billing]

release-files:
	@test -n "$(KEY)" || { echo "make release: KEY=… is the private key to sign with: see docs/releases.md" >&2; exit 2; }
	@cargo fetch --quiet --locked
	@rm -rf $(RELEASE)
	@amd64=$$(packaging/build x86_64-unknown-linux-gnu $(PROFILE)) && \
	arm64=$$(packaging/build aarch64-unknown-linux-gnu $(PROFILE)) && \
	$(call RUN,release) write version=$(VERSION) folder=$(RELEASE) key=$(KEY) commit=$(COMMIT) repository=$(REPOSITORY) \
		builder=$(BUILDER) compiler="$$(rustc -V)" url=$(ARCHIVE_URL) \
		image=$(if $(REGISTRY),$(REGISTRY)/,)billing-operator amd64=$$amd64 arm64=$$arm64
	@test -z "$(REGISTRY)" || { $(call RUN,release) publish version=$(VERSION) folder=$(RELEASE) key=$(KEY) \
		registry=$(REGISTRY) amd64= arm64=; }

tree-is-clean:
	@test -z "$$(git status --porcelain)" || { git status --short; \
		echo "make release: commit or stash these first: a release is made of a commit" >&2; exit 2; }

release-check: tools ## Make a whole release with a key of its own, and verify all of it (half an hour)
	cargo test --workspace --test release_check -- --nocapture

# Built once, into the cache (a minute or two). Another version is another folder.
MDBOOK_VERSION := 0.5.4
MDBOOK_ROOT := $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/billing-operator/tools/mdbook-$(MDBOOK_VERSION)
MDBOOK := $(MDBOOK_ROOT)/bin/mdbook
SITE := $(abspath $(CARGO_TARGET_DIR))/site

$(MDBOOK):
	@CARGO_TARGET_DIR=$(MDBOOK_ROOT)/target cargo install mdbook --version $(MDBOOK_VERSION) --locked --quiet \
		--no-default-features --features search --profile dev --root $(MDBOOK_ROOT)
	@rm -rf $(MDBOOK_ROOT)/target

site: $(MDBOOK) ## Build the documentation's site
	@$(MDBOOK) build --dest-dir $(SITE)
	@echo $(SITE)

generate: ## Write the files that are made from the code (crds/, docs/api, the chart's copy and metadata, the policies that the operator knows)
	UPDATE=1 cargo test --quiet --workspace --lib crds
	UPDATE=1 $(IT) --quiet -- chart::definitions
	UPDATE=1 $(IT) --quiet -- chart::built
	UPDATE=1 $(IT) --quiet -- chart::values::templates
	UPDATE=1 $(IT) --quiet -- chart::hub::the_charts_metadata_is_current

fmt: ## Format the code
	cargo fmt --all

lint: ## Check the format, and the code with every warning an error
	cargo fmt --all --check
	cargo clippy --workspace --all-targets -- -D warnings
