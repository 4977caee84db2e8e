# The two commands are `make demo` and `make test`; both do all set-up themselves.

CARGO ?= cargo
# How long `make fuzz` looks, in seconds.
SECONDS_OF_FUZZING ?= 600

.PHONY: demo test check bench fuzz fuzz-routing setup

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

# The part of `make test` that needs no test run.
check:
	$(CARGO) fmt --all --check
	$(CARGO) clippy --locked --workspace --all-targets --quiet -- -D warnings
	$(CARGO) xtask tidy
	$(CARGO) xtask codegen --check

# Prints the table of `evenkeel check` against `nginx -t` on synthetic trees.
bench:
	@scripts/setup.sh bench
	$(CARGO) build --locked --release -p evenkeel-cli -p xtask
	target/release/xtask bench

fuzz:
	$(CARGO) run --locked --quiet --profile quick -p evenkeel-syntax --example fuzz -- \
		--seconds $(SECONDS_OF_FUZZING) --seed $$(date +%s%N)

# The router against a real nginx, and against the second one that `make test` fetched: 200 random configurations and
# 20,000 requests each, another seed every time.
fuzz-routing:
	@scripts/setup.sh test
	EVENKEEL_ROUTE_CONFIGS=200 EVENKEEL_ROUTE_REQUESTS=100 EVENKEEL_SEED=$${EVENKEEL_SEED:-$$(date +%s)} \
		$(CARGO) test --locked -p evenkeel-model --test route -- --nocapture

setup:
	@scripts/setup.sh test
