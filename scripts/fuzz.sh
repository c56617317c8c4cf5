#!/bin/sh
# fuzz.sh run SECONDS [TARGET...]: runs each fuzz target, or these, for so long, and prints a table. 1 on any crash.
# fuzz.sh keep [TARGET...]: takes the smallest set of inputs that reaches every edge that was reached into fuzz/corpus.
set -eu
cd "$(dirname "$0")/.."
export CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-$PWD/fuzz/target}"
# The sanitizer's switches are for nightly compilers only; the compiler itself is the same.
export RUSTC_BOOTSTRAP=1
found="$CARGO_TARGET_DIR/found"
host=$(rustc -vV | sed -n 's/^host: //p')
parallel=2

program() { echo "$CARGO_TARGET_DIR/$host/release/$1"; }

# The known inputs of a target, as directories.
known() {
    for kind in seeds corpus regressions; do
        [ ! -d "fuzz/$kind/$1" ] || echo "fuzz/$kind/$1"
    done
}

# one TARGET SECONDS: a row of the table.
one() {
    mkdir -p "$found/$1/new" "$found/$1/crashes"
    before=$(find "$found/$1/new" -type f | wc -l)
    start=$(date +%s)
    # The names of directories are words.
    # shellcheck disable=SC2046
    nice -n 19 "$(program "$1")" -max_total_time="$2" -timeout=5 -rss_limit_mb=1024 -print_final_stats=1 \
        -artifact_prefix="$found/$1/crashes/" "$found/$1/new" $(known "$1") >"$found/$1/log" 2>&1 || true
    seconds=$(($(date +%s) - start))
    executions=$(sed -n 's/^stat::number_of_executed_units: *//p' "$found/$1/log")
    reached=$(sed -n 's/.* cov: \([0-9]*\) ft: \([0-9]*\) .*/\1 | \2/p' "$found/$1/log" | tail -n 1)
    new=$(($(find "$found/$1/new" -type f | wc -l) - before))
    crashes=$(find "$found/$1/crashes" -type f | wc -l)
    ended=$(grep -c '^Done ' "$found/$1/log" || true)
    echo "| $1 | $seconds | ${executions:-0} | ${reached:-0 | 0} | $new | $crashes |"
    [ "$crashes" = 0 ] && [ "$ended" = 1 ]
}

run() {
    seconds=$1
    shift
    # shellcheck disable=SC2046
    [ $# -gt 0 ] || set -- $(cargo fuzz list)
    for target in "$@"; do
        # As fuzz/Cargo.toml says, and not with assertions in everything.
        cargo fuzz build --release "$target"
    done >&2
    echo "| target | seconds | executions | edges | features | new inputs | crashes |"
    echo "|---|---|---|---|---|---|---|"
    printf '%s\n' "$@" | xargs -P "$parallel" -I '{}' scripts/fuzz.sh one '{}' "$seconds" || {
        echo "a target has failed: its log and the input are in $found" >&2
        exit 1
    }
}

keep() {
    # shellcheck disable=SC2046
    [ $# -gt 0 ] || set -- $(cargo fuzz list)
    for target in "$@"; do
        least=$(mktemp -d)
        mkdir -p "$found/$target/new"
        # How often an edge was passed is for the fuzzer to go by, and would keep four times as many inputs.
        # shellcheck disable=SC2046
        "$(program "$target")" -use_counters=0 -set_cover_merge=1 -max_len=2048 "$least" $(known "$target") \
            "$found/$target/new" 2>/dev/null
        # What a seed has is there already.
        for input in "$least"/*; do
            for seed in "fuzz/seeds/$target"/*; do
                ! cmp -s "$input" "$seed" || rm -f "$input"
            done
        done
        rm -rf "fuzz/corpus/$target"
        mkdir -p fuzz/corpus
        mv "$least" "fuzz/corpus/$target"
        chmod 755 "fuzz/corpus/$target"
        echo "$target: $(find "fuzz/corpus/$target" -type f | wc -l) inputs"
    done
}

what=${1:-}
[ $# = 0 ] || shift
case $what in
    one) one "$@" ;;
    run)
        command -v cargo-fuzz >/dev/null || cargo install --locked --quiet cargo-fuzz
        run "$@"
        ;;
    keep) keep "$@" ;;
    *)
        echo "usage: fuzz.sh run SECONDS [TARGET...] | keep [TARGET...]" >&2
        exit 2
        ;;
esac
