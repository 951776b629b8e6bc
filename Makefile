# The one entrance to everything that is done with this repository. `make help` lists it.
#
# Needs a Rust toolchain, a C compiler and Python 3 with its module venv; tests and the demo fetch stock Envoy
# themselves. Settable: CARGO (the cargo to run), ENVOY (an Envoy 1.40 binary to use instead of fetching one;
# FAIRLEAD_ENVOY in the environment does the same), CARGO_TARGET_DIR (as for cargo).

CARGO = cargo
ENVOY =
# Which of the long tests `make soak` runs (part of a name), and for how long a week lasts.
SOAK =
SOAK_SECONDS = 600
# Seconds that each fuzz target runs for in `make fuzz`.
FUZZ_SECONDS = 60
CARGO_DENY_VERSION = 0.20.2
# Histories that each property is tried with in `make explore`.
EXPLORE_CASES = 5000
# What `make load` asks of the load harness: LOAD='--scenario endpoint --clients 100'.
LOAD =

# Prints the path of the Envoy to use: ENVOY, else FAIRLEAD_ENVOY, else the fetched one.
FIND_ENVOY = chosen='$(ENVOY)'; chosen=$${chosen:-$${FAIRLEAD_ENVOY:-}}; \
	if [ -z "$$chosen" ]; then chosen=$$(sh tests/tools/fetch-envoy.sh) || exit 1; fi; \
	[ -x "$$chosen" ] || { echo "make: no executable Envoy at '$$chosen'" >&2; exit 1; }; \
	FAIRLEAD_ENVOY=$$chosen; export FAIRLEAD_ENVOY

.POSIX:
.SUFFIXES:
.PHONY: help build check fmt clippy doc tidy test explore golden demo bench load soak gen audit fuzz clean

help: ## List the targets (this list)
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/\1|\2/p' Makefile | while IFS='|' read -r name what; do \
		printf '  make %-8s %s\n' "$$name" "$$what"; done

build: ## Build the optimised binary, target/release/fairlead
	$(CARGO) build --release --package fairlead

check: fmt clippy doc tidy ## Check everything that needs no test run: format, lints, documentation, tidy

fmt: ## Check the format of the sources (to correct it: cargo fmt --all)
	$(CARGO) fmt --all --check

clippy: ## Run the linter on all targets, warnings are errors
	$(CARGO) clippy --workspace --all-targets -- -D warnings

doc: ## Build the documentation of the crates, warnings are errors
	RUSTDOCFLAGS='-D warnings' $(CARGO) doc --workspace --no-deps

tidy: ## Check layering, absences, file lengths, links and reference pages
	$(CARGO) test --quiet --package fairlead-tidy

# Properties are tried with the same cases in each run, so that what fails has been broken by the change at hand.
test: ## Run all tests, against a stock Envoy that is fetched if need be
	@$(FIND_ENVOY); PROPTEST_RNG_SEED=$${PROPTEST_RNG_SEED:-1}; export PROPTEST_RNG_SEED; \
		set -x; $(CARGO) test --workspace --no-fail-fast

explore: ## Try the properties with new random cases, EXPLORE_CASES each; what fails is kept and is always tried again
	PROPTEST_CASES=$(EXPLORE_CASES) $(CARGO) test --release --no-fail-fast --package fairlead-config --package fairlead-model \
		--package fairlead-incremental --package fairlead-translate --package fairlead-envoy --package fairlead-xds

golden: ## Rewrite the expected files of the golden tests; read the diff before you commit it
	@$(FIND_ENVOY); UPDATE=1; UPDATE_GOLDEN=1; export UPDATE UPDATE_GOLDEN; set -x; \
		$(CARGO) test --workspace --lib && $(CARGO) test --workspace golden

demo: ## Run the demonstration mesh with real Envoys on loopback
	@$(FIND_ENVOY); set -x; $(CARGO) build --package fairlead && $(CARGO) run --quiet --package fairlead -- demo

bench: ## Run the benchmarks (figures: docs/reference/performance.md)
	$(CARGO) bench --workspace --benches

load: ## Load the control plane with thousands of clients and print what it takes (LOAD='--help' lists the flags)
	$(CARGO) build --release --package fairlead --package fairlead-load
	@"$${CARGO_TARGET_DIR:-target}/release/fairlead-load" $(LOAD)

soak: ## Restarts, storms, slow readers, a week of changes, 50,000 random objects at full size (SOAK=storm chooses, SOAK_SECONDS is the week)
	FAIRLEAD_SOAK=full FAIRLEAD_SOAK_SECONDS=$(SOAK_SECONDS) $(CARGO) test --release --package fairlead --test soak -- \
		--nocapture --test-threads 1 $(SOAK)
	FAIRLEAD_SOAK=full $(CARGO) test --release --package fairlead-translate --test it accepted::
	FAIRLEAD_SOAK=full $(CARGO) test --release --package fairlead --test e2e_scenarios random_worlds

gen: ## Rewrite the files that are made from sources
	UPDATE=1 $(CARGO) test --package fairlead-envoy --lib encode
	UPDATE=1 $(CARGO) test --package fairlead --bins

audit: ## Check licences, advisories, bans and sources of the dependencies (installs cargo-deny if missing)
	@command -v cargo-deny >/dev/null 2>&1 || { set -x; \
		$(CARGO) install --locked --version $(CARGO_DENY_VERSION) cargo-deny; }
	$(CARGO) deny --workspace --all-features check

fuzz: ## Fuzz the decoders, the encoder of fragments and the xDS session, FUZZ_SECONDS each (needs nightly and cargo-fuzz)
	@$(CARGO) +nightly --version >/dev/null 2>&1 || { \
		echo 'make: fuzzing needs a nightly toolchain: rustup toolchain install nightly' >&2; exit 1; }
	@$(CARGO) +nightly fuzz --version >/dev/null 2>&1 || { \
		echo 'make: fuzzing needs cargo-fuzz: cargo install --locked cargo-fuzz' >&2; exit 1; }
	@cd fuzz && targets=$$($(CARGO) +nightly fuzz list --fuzz-dir .) || exit 1; for target in $$targets; do \
		echo "fuzz $$target for $(FUZZ_SECONDS) s"; \
		$(CARGO) +nightly fuzz run --fuzz-dir . "$$target" -- -max_total_time=$(FUZZ_SECONDS) || exit 1; done

clean: ## Remove everything that was built or fetched
	$(CARGO) clean
