#!/bin/sh
# licences.sh: the licences of the crates that are compiled into the agents, each text once.
set -eu
cd "$(dirname "$0")/.."
sources=${CARGO_HOME:-$HOME/.cargo}/registry/src
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
${CARGO:-cargo} tree --locked --offline --edges normal --target "$(rustc -vV | sed -n 's/^host: //p')" \
    --prefix none --no-dedupe --format '{p}|{l}' | grep -v '^fence-agents ' \
    | sed 's/ (proc-macro)//; s/ (\*)//' | LC_ALL=C sort -u > "$work/crates"
cat <<'TEXT'
The agents are compiled from Rust, with its standard library (MIT or Apache-2.0, the Rust project's contributors) and
these crates. Where one has several licences to choose from, all of their texts follow.

TEXT
while IFS='|' read -r crate licence; do
    id=$(echo "$crate" | sed 's/^\([^ ]*\) v\([^ ]*\).*/\1-\2/')
    echo "$id: $licence"
    for file in "$sources"/*/"$id"/LICEN[SC]E* "$sources"/*/"$id"/COPYING* "$sources"/*/"$id"/NOTICE* \
        "$sources"/*/"$id"/libssh2/COPYING "$sources"/*/"$id"/src/zlib/LICENSE; do
        [ -f "$file" ] || continue
        sum=$(md5sum < "$file" | cut -d ' ' -f 1)
        cp "$file" "$work/$sum.text"
        echo "$id" >> "$work/$sum.users"
    done
done < "$work/crates"
for users in "$work"/*.users; do
    printf '\n\n==== %s ====\n\n' "$(LC_ALL=C sort -u "$users" | paste -sd ' ')"
    cat "${users%.users}.text"
done
