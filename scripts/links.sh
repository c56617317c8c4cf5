#!/bin/sh
# links.sh DIR: the other names of each agent in DIR, as symbolic links to its binary. The metadata names them.
set -eu
here=$(cd "$(dirname "$0")/.." && pwd)
for source in "$here"/src/bin/fence_*.rs; do
    agent=$(basename "$source" .rs)
    sed -n 's/^\t<symlink name="\([a-z0-9_]*\)".*/\1/p' "$here/metadata/$agent.xml" | while read -r name; do
        ln -sf "$agent" "$1/$name"
    done
done
