#!/bin/sh
# All that `make test` holds, in the order of how soon it can fail. Ends with one line a step and
# `N passed, N failed`. Exit: 0 all well · 1 something failed.
set -eu

cd "$(dirname "$0")/.."
work=target/test
mkdir -p "$work"
started=$(date +%s)
steps=
failed_steps=0
passed=0
failed=0
flaky=
# Half of the tests wait for something most of the time.
threads=$((($(nproc) * 3 + 1) / 2))

# step NAME COMMAND…: runs it, shows its output, remembers how it went. A failed step does not hide the next.
step() {
    name=$1
    shift
    begin=$(date +%s)
    printf '\n== %s\n' "$name"
    rm -f "$work/status"
    { set +e; "$@"; echo $? >"$work/status"; } 2>&1 | tee "$work/step.log"
    status=$(cat "$work/status")
    took=$(($(date +%s) - begin))
    if [ "$status" = 0 ]; then verdict=ok; else
        verdict="FAILED ($status)"
        failed_steps=$((failed_steps + 1))
    fi
    steps="$steps$(printf '%-34s %-12s %4d s' "$name" "$verdict" "$took")
"
}

# count: adds up what the last step's test runner said, cargo test's lines or nextest's summary.
count() {
    set -- $(sed 's/\x1b\[[0-9;]*m//g' "$work/step.log" | awk '
        /^test result:/ { for (i = 1; i < NF; i++) { if ($(i + 1) ~ /^passed/) p += $i; if ($(i + 1) ~ /^failed/) f += $i } }
        /^ *Summary \[/ { for (i = 1; i < NF; i++) {
            if ($(i + 1) ~ /^passed/) p += $i; if ($(i + 1) ~ /^(failed|timed)/) f += $i } }
        END { print p + 0, f + 0 }')
    passed=$((passed + $1))
    failed=$((failed + $2))
}

step 'formatting' cargo fmt --all --check
step 'clippy' cargo clippy --locked --workspace --all-targets --quiet -- -D warnings
step 'tidy' cargo xtask tidy
step 'generated files' cargo xtask codegen --check
if cargo nextest --version >/dev/null 2>&1; then
    step 'tests' cargo nextest run --locked --workspace --no-fail-fast --color never --test-threads "$threads"
    count
    flaky=$(sed -n 's/^ *FLAKY [^)]*) *//p' "$work/step.log" | sort -u)
    step 'documentation tests' cargo test --locked --workspace --doc --quiet
    count
else
    step 'tests' cargo test --locked --workspace --no-fail-fast
    count
fi
step 'outages of the gallery' cargo xtask gallery --evenkeel target/debug/evenkeel
step 'one minute of fuzzing' \
    cargo run --locked --quiet --profile quick -p evenkeel-syntax --example fuzz -- --seconds 60

printf '\n== summary\n%s%-34s %-12s %4d s\n' "$steps" 'in all' '' $(($(date +%s) - started))
if [ -n "$flaky" ]; then printf 'passed at the second try only, to be mended:\n%s\n' "$flaky"; fi
if [ "$failed" = 0 ] && [ "$failed_steps" != 0 ]; then failed=$failed_steps; fi
printf '%d passed, %d failed\n' "$passed" "$failed"
[ "$failed_steps" = 0 ]
