#!/bin/sh
# generated.sh DIR: writes metadata/, man/ and completions/ anew from what the agents in DIR print.
set -eu
dir=$(cd "$1" && pwd)
cd "$(dirname "$0")/.."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir "$work/metadata" "$work/man" "$work/completions"
for source in src/bin/fence_*.rs; do
    agent=$(basename "$source" .rs)
    names="$agent $("$dir/$agent" -o metadata | sed -n 's/^\t<symlink name="\([a-z0-9_]*\)".*/\1/p')"
    for name in $names; do
        ln -sf "$dir/$agent" "$work/$name"
        "$work/$name" -o metadata > "$work/metadata/$name.xml"
        "$work/$name" -o manpage > "$work/man/$name.8"
        "$work/$name" -o completion > "$work/completions/$name"
    done
done
"$dir/fencing" manpage > "$work/man/fencing.8"
"$dir/fencing" completion > "$work/completions/fencing"
for folder in metadata man completions; do
    rm -rf "$folder"
    mv "$work/$folder" "$folder"
    chmod 755 "$folder"
done
echo "metadata/, man/ and completions/ are written"
