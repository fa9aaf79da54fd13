# Two commands do everything: `make demo` and `make test`. Both say what is missing before they start.

CARGO := cargo
# One optimised profile for the demo, the tests and the benches: dependencies are built once.
BUILD := --release --locked
TOOLS := target/tools
# Where cargo builds.
TARGET := $(or $(CARGO_TARGET_DIR),target)
# Rounds of the crash tests; `make crash` runs 200.
CRASH_ROUNDS ?= 10
# What is looked for are panics, in code that forbids `unsafe`: without a sanitizer, ten times as many tries.
FUZZ := --sanitizer none
FUZZING := -max_total_time=60 -max_len=4096 -len_control=0
# What the differential test compares; every expression and row follows from the seed.
ORACLE_EXPRESSIONS ?= 10000
ORACLE_SEED ?= 1

.PHONY: demo test crash bench bench-peers oracle fuzz sql-oracle cpsv check-tools lint locks deny unit help
.DEFAULT_GOAL := help

help: ## Say what there is
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /  make \1\t/' | expand -t 20

check-tools:
	@for tool in $(CARGO) cc; do command -v $$tool >/dev/null || \
	  { echo "make: $$tool is missing. On Debian: apt-get install build-essential, and Rust 1.90 or newer."; exit 1; }; done

demo: check-tools ## A synthetic province of 100,000 citizens and a year of events, from event to message (ARGS="--citizens 1000")
	$(CARGO) run $(BUILD) -p tidings --no-default-features -- demo $(ARGS)

test: check-tools lint deny unit ## Everything that proves it
	@echo "make test: all passed"

lint: locks
	$(CARGO) fmt --all --check
	$(CARGO) clippy $(BUILD) --workspace --all-targets -- -D warnings

# Workspaces of their own build on ours; a dependency that is new to us leaves their lock files behind.
locks:
	@for folder in benches/peers tests/oracles/datafusion tests/fuzz; do \
	  $(CARGO) update --quiet --workspace --locked --manifest-path $$folder/Cargo.toml || \
	  { echo "make: $$folder/Cargo.lock is behind. In that folder: cargo update --workspace"; exit 1; }; done

# Built without optimisation: it runs for a second, and its build is what costs.
$(TOOLS)/bin/cargo-deny:
	CARGO_PROFILE_RELEASE_OPT_LEVEL=0 CARGO_PROFILE_RELEASE_DEBUG=0 CARGO_PROFILE_RELEASE_LTO=off CARGO_PROFILE_RELEASE_STRIP=none CARGO_PROFILE_RELEASE_CODEGEN_UNITS=16 \
	  $(CARGO) install cargo-deny --version 0.20.2 --locked --no-default-features --root $(TOOLS) --target-dir target/tools/build

deny: $(TOOLS)/bin/cargo-deny
	$(TOOLS)/bin/cargo-deny --all-features check --hide-inclusion-graph bans licenses sources

# The suite over the whole runs the binary, so it is built first.
unit:
	$(CARGO) build $(BUILD) -p tidings
	CRASH_ROUNDS=$(CRASH_ROUNDS) $(CARGO) test $(BUILD) --workspace

crash: check-tools ## 200 rounds of crashes at random points, with unsynced bytes discarded and by kill -9
	$(CARGO) build $(BUILD) -p tidings
	CRASH_ROUNDS=200 $(CARGO) test $(BUILD) -p tidings-stores --test durability -- --nocapture
	CRASH_ROUNDS=200 $(CARGO) test $(BUILD) -p tidings-tests --test crash -- --nocapture

bench: check-tools ## What it costs, beside its floor
	$(CARGO) bench --locked -p tidings-benches

sql-oracle: check-tools ## `tidings rules sql` on DuckDB, DataFusion and PostgreSQL against our own answers (needs python3)
	$(CARGO) build $(BUILD) -p tidings
	tests/oracles/sql/run.sh $(TARGET)/release/tidings

# The checker is Python's; its folder is made anew when what it is made of changes.
$(TOOLS)/cpsv/made: tests/oracles/cpsv/requirements.txt
	@command -v python3 >/dev/null || { echo "make: python3 is missing. On Debian: apt-get install python3-venv"; exit 1; }
	rm -rf $(TOOLS)/cpsv && python3 -m venv $(TOOLS)/cpsv
	$(TOOLS)/cpsv/bin/pip install --quiet --disable-pip-version-check -r $<
	touch $@

cpsv: check-tools $(TOOLS)/cpsv/made ## The catalogue as linked data against our statement of CPSV-AP 3.2, with pySHACL (needs Python 3)
	$(CARGO) build $(BUILD) -p tidings
	$(TOOLS)/cpsv/bin/python tests/oracles/cpsv/check.py $(TARGET)/release/tidings

# Both are workspaces of their own, outside the product's build and `make test`, and cost minutes to build.
bench-peers: check-tools ## The same conditions by other rule engines, beside ours (needs python3 and npm)
	benches/peers/setup
	$(CARGO) run --release --locked --manifest-path benches/peers/Cargo.toml

oracle: check-tools ## Conditions against DataFusion: random expressions over random rows, equal to the last bit
	$(CARGO) run --release --locked --manifest-path tests/oracles/datafusion/Cargo.toml -- $(ORACLE_EXPRESSIONS) $(ORACLE_SEED)

fuzz: ## The event decoder and the pack parser, 60 seconds each (needs cargo-fuzz)
	@command -v cargo-fuzz >/dev/null || { echo "make: cargo-fuzz is missing: cargo install cargo-fuzz"; exit 1; }
	cd tests && RUSTC_BOOTSTRAP=1 cargo fuzz run $(FUZZ) decode -- $(FUZZING)
	cd tests && RUSTC_BOOTSTRAP=1 cargo fuzz run $(FUZZ) pack -- $(FUZZING)
