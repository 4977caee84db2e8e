# The two commands are `make demo` and `make test`; both do all set-up themselves.

CARGO ?= cargo
# How long `make fuzz` looks, in seconds.
SECONDS_OF_FUZZING ?= 600

.PHONY: demo test test-reload test-kill-points test-power-cut test-audit check bench sim fuzz fuzz-routing fuzz-diff fuzz-firewall setup

# A good change and bad ones, applied to a real nginx on loopback; post-mortems go to target/demo.
demo:
	@scripts/setup.sh demo
	@echo 'building; the first time takes a few minutes' >&2
	@quiet=--quiet; if [ -t 2 ]; then quiet=; fi; $(CARGO) build $$quiet --locked --profile quick -p evenkeel-cli -p xtask
	@target/quick/xtask gallery --demo --evenkeel target/quick/evenkeel

# Everything that must hold before a change lands.
test:
	@scripts/setup.sh test
	@scripts/test.sh

# The reload matrix: what misleads `nginx -t` and `nginx -s reload`, applied by `evenkeel apply` to two real nginxes. A part of
# `make test`.
test-reload:
	@scripts/setup.sh test
	@if $(CARGO) nextest --version >/dev/null 2>&1; then \
		$(CARGO) nextest run --locked -p evenkeel-cli --test reload_matrix --no-fail-fast; \
	else $(CARGO) test --locked -p evenkeel-cli --test reload_matrix --no-fail-fast; fi

# The part of `make test` that needs no test run.
check:
	$(CARGO) fmt --all --check
	$(CARGO) clippy --locked --workspace --all-targets --quiet -- -D warnings
	$(CARGO) xtask tidy
	$(CARGO) xtask codegen --check

# Prints the tables of what is fast: checks beside `nginx -t`, routes, comparisons, ways back, probes, logs beside GoAccess, drift
# beside AIDE.
bench:
	@scripts/setup.sh bench
	$(CARGO) build --locked --release -p evenkeel-cli -p xtask
	$(CARGO) build --locked --release -p evenkeel-host --example pass
	target/release/xtask bench

# A million simulated histories of releases, everything that can break breaking: every promise must hold in each.
# `make test` plays 10,000. SIM='--seed 42' plays one, and says what happened in it when it breaks a promise.
SIM ?= --histories 1000000
sim:
	$(CARGO) run --locked --quiet --profile quick -p evenkeel-sim -- $(SIM)

fuzz:
	$(CARGO) run --locked --quiet --profile quick -p evenkeel-syntax --example fuzz -- \
		--seconds $(SECONDS_OF_FUZZING) --seed $$(date +%s%N)

# The router against a real nginx, and against the second one that `make test` fetched: 10,000 random configurations and
# a million requests each, another seed every time. `make test` plays 50,000 of them.
fuzz-routing:
	@scripts/setup.sh test
	@seed=$${EVENKEEL_SEED:-$$(date +%s)}; echo "EVENKEEL_SEED=$$seed" >&2; \
	EVENKEEL_ROUTE_CONFIGS=$${EVENKEEL_ROUTE_CONFIGS:-10000} EVENKEEL_ROUTE_REQUESTS=$${EVENKEEL_ROUTE_REQUESTS:-100} \
		EVENKEEL_SEED=$$seed $(CARGO) test --locked --profile quick -p evenkeel-model --test route router -- --nocapture

# 1,000 random pairs of configurations: every witness of `diff` asked of two real nginxes in a sandbox, and 1,000 random
# requests each that must find no change that was not told.
fuzz-diff:
	@scripts/setup.sh test
	@seed=$${EVENKEEL_SEED:-$$(date +%s)}; echo "EVENKEEL_SEED=$$seed" >&2; export EVENKEEL_SEED=$$seed; \
	export EVENKEEL_DIFF_PAIRS=$${EVENKEEL_DIFF_PAIRS:-1000} EVENKEEL_DIFF_REQUESTS=$${EVENKEEL_DIFF_REQUESTS:-1000}; \
	$(CARGO) test --locked --profile quick -p evenkeel-model --test diff random -- --nocapture && \
	$(CARGO) test --locked --profile quick -p evenkeel-cli --test diff_pairs -- --nocapture

# 10,000 random rulesets of nftables, loaded into a kernel and read back: what `reach` says against what clients see, and
# the rule that it names against the counters. Another seed every time. `make test` plays 300.
fuzz-firewall:
	@scripts/setup.sh test
	@seed=$${EVENKEEL_SEED:-$$(date +%s)}; echo "EVENKEEL_SEED=$$seed" >&2; \
	EVENKEEL_FIREWALL_RULESETS=$${EVENKEEL_FIREWALL_RULESETS:-10000} EVENKEEL_FIREWALL_WORLDS=$${EVENKEEL_FIREWALL_WORLDS:-3} \
		EVENKEEL_SEED=$$seed $(CARGO) test --locked -p evenkeel-model --test reach verdict_is -- --nocapture

# `apply`, its fuse, both, their control group and nginx with them killed at a thousand system calls in each way of dying, or at
# all that change something where there are fewer. `make test` takes eight in each.
test-kill-points:
	@scripts/setup.sh test
	EVENKEEL_KILL_POINTS=$${EVENKEEL_KILL_POINTS:-1000} $(CARGO) test --locked -p evenkeel-cli --test kill_points -- --nocapture

# The power cut at many points of a release and of a way back, on a disk that remembers what it was told. Needs root.
# `make test` takes eight of each.
test-power-cut:
	@scripts/setup.sh test
	EVENKEEL_POWER_CUTS=$${EVENKEEL_POWER_CUTS:-600} $(CARGO) test --locked -p evenkeel-cli --test power_cut -- --nocapture

# The kernel's audit, switched on for a second at a time and set back. Needs root. `make test` leaves it alone, because an audit that was
# ever on costs each system call of every later process until the next boot.
test-audit:
	@scripts/setup.sh test
	EVENKEEL_AUDIT=1 $(CARGO) test --locked -p evenkeel-host --test drift -- audit
	EVENKEEL_AUDIT=1 $(CARGO) test --locked -p evenkeel-cli --test drift -- audit

setup:
	@scripts/setup.sh test
