# Everything that is done with this repository is a target here. `make help` lists them.
#
# Needs a Rust toolchain, a C compiler and Python 3 with its module venv; tests and the demo fetch stock Envoy
# themselves. Settable: CARGO (the cargo to run), ENVOY (an Envoy 1.40 binary to use instead of fetching one;
# FAIRLEAD_ENVOY in the environment does the same), CARGO_TARGET_DIR (as for cargo).

CARGO = cargo
ENVOY =
# Which of the long tests `make soak` runs (part of a name), and the length of its test `week` in seconds.
SOAK =
SOAK_SECONDS = 600
# Seconds that each fuzz target runs for in `make fuzz`.
FUZZ_SECONDS = 60
CARGO_DENY_VERSION = 0.20.2
# Random cases of each property in `make explore`.
EXPLORE_CASES = 5000
# Flags that `make load` passes to the load harness: LOAD='--scenario endpoint --clients 100'.
LOAD =

# Prints the path of the Envoy to use: ENVOY, else FAIRLEAD_ENVOY, else the fetched one.
FIND_ENVOY = chosen='$(ENVOY)'; chosen=$${chosen:-$${FAIRLEAD_ENVOY:-}}; \
	if [ -z "$$chosen" ]; then chosen=$$(sh tests/tools/fetch-envoy.sh) || exit 1; fi; \
	[ -x "$$chosen" ] || { echo "make: no executable Envoy at '$$chosen'" >&2; exit 1; }; \
	FAIRLEAD_ENVOY=$$chosen; export FAIRLEAD_ENVOY

.POSIX:
.SUFFIXES:
.PHONY: help build check fmt clippy doc tidy test explore golden demo bench load soak gen audit fuzz clean

help: ## List the targets
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/\1|\2/p' Makefile | while IFS='|' read -r name what; do \
		printf '  make %-8s %s\n' "$$name" "$$what"; done

build: ## Build the optimised binary, target/release/fairlead
	$(CARGO) build --release --package fairlead

check: fmt clippy doc tidy ## Run fmt, clippy, doc and tidy

fmt: ## Check the format of the sources (to correct it: cargo fmt --all)
	$(CARGO) fmt --all --check

clippy: ## Run the linter on all targets; warnings are errors
	$(CARGO) clippy --workspace --all-targets -- -D warnings

doc: ## Build the documentation of the crates; warnings are errors
	RUSTDOCFLAGS='-D warnings' $(CARGO) doc --workspace --no-deps

tidy: ## Check layering, absences, file lengths, commit subjects, links and reference pages
	$(CARGO) test --quiet --package fairlead-tidy

# Properties run with the same cases each time, so that a failure is due to the change at hand.
test: ## Run all tests, with a stock Envoy that is fetched if it is missing
	@$(FIND_ENVOY); PROPTEST_RNG_SEED=$${PROPTEST_RNG_SEED:-1}; export PROPTEST_RNG_SEED; \
		set -x; $(CARGO) test --workspace --no-fail-fast

explore: ## Run each property with EXPLORE_CASES new random cases; failing seeds are saved and tried first from then on
	PROPTEST_CASES=$(EXPLORE_CASES) $(CARGO) test --release --no-fail-fast --package fairlead-config --package fairlead-model \
		--package fairlead-incremental --package fairlead-translate --package fairlead-envoy --package fairlead-xds

golden: ## Rewrite the golden files; read the diff before you commit it
	@$(FIND_ENVOY); UPDATE=1; UPDATE_GOLDEN=1; export UPDATE UPDATE_GOLDEN; set -x; \
		$(CARGO) test --workspace --lib && $(CARGO) test --workspace golden

demo: ## Run the demonstration mesh with real Envoys on loopback
	@$(FIND_ENVOY); set -x; $(CARGO) build --package fairlead && $(CARGO) run --quiet --package fairlead -- demo

bench: ## Run the benchmarks (figures: docs/reference/performance.md)
	$(CARGO) bench --workspace --benches

load: ## Measure the control plane under thousands of clients (LOAD='--help' lists the flags)
	$(CARGO) build --release --package fairlead --package fairlead-load
	@"$${CARGO_TARGET_DIR:-target}/release/fairlead-load" $(LOAD)

soak: ## Run the long tests at full size: restarts, storms, slow readers, random objects (SOAK=storm chooses by name)
	FAIRLEAD_SOAK=full FAIRLEAD_SOAK_SECONDS=$(SOAK_SECONDS) $(CARGO) test --release --package fairlead --test soak -- \
		--nocapture --test-threads 1 $(SOAK)
	FAIRLEAD_SOAK=full $(CARGO) test --release --package fairlead-translate --test it accepted::
	FAIRLEAD_SOAK=full $(CARGO) test --release --package fairlead --test e2e_scenarios random_worlds

gen: ## Rewrite the generated files (Envoy's map fields, docs/reference/cli.md)
	UPDATE=1 $(CARGO) test --package fairlead-envoy --lib encode
	UPDATE=1 $(CARGO) test --package fairlead --bins

audit: ## Check licences, advisories, bans and sources of the dependencies (installs cargo-deny if missing)
	@command -v cargo-deny >/dev/null 2>&1 || { set -x; \
		$(CARGO) install --locked --version $(CARGO_DENY_VERSION) cargo-deny; }
	$(CARGO) deny --workspace --all-features check

fuzz: ## Fuzz the decoders, the encoder of fragments and the xDS session for FUZZ_SECONDS each (needs nightly, cargo-fuzz)
	@$(CARGO) +nightly --version >/dev/null 2>&1 || { \
		echo 'make: fuzzing needs a nightly toolchain: rustup toolchain install nightly' >&2; exit 1; }
	@$(CARGO) +nightly fuzz --version >/dev/null 2>&1 || { \
		echo 'make: fuzzing needs cargo-fuzz: cargo install --locked cargo-fuzz' >&2; exit 1; }
	@cd fuzz && targets=$$($(CARGO) +nightly fuzz list --fuzz-dir .) || exit 1; for target in $$targets; do \
		echo "fuzz $$target for $(FUZZ_SECONDS) s"; \
		$(CARGO) +nightly fuzz run --fuzz-dir . "$$target" -- -max_total_time=$(FUZZ_SECONDS) || exit 1; done

clean: ## Remove everything that was built or fetched
	$(CARGO) clean
