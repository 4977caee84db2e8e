# The two commands are `make demo` and `make test`; both do all set-up themselves.

CARGO ?= cargo
# How long `make fuzz` looks, in seconds.
SECONDS_OF_FUZZING ?= 600

.PHONY: demo test check bench fuzz setup

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

setup:
	@scripts/setup.sh test
