#!/bin/sh
# links.sh agents DIR [PACKAGE]: the other names of each program in DIR, as symbolic links to it.
# links.sh programs [PACKAGE]: the programs, line by line.
# links.sh checks [PACKAGE]: programs for the watchdog that are names of an agent but no agents, and that agent. They
# belong into /usr/share/cluster: a cluster would take them for agents beside the agents.
# Names and families stand in metadata/agents.list, which "make generated" writes.
set -eu
list=$(cd "$(dirname "$0")/.." && pwd)/metadata/agents.list
# rows KIND PACKAGE: name and program.
rows() { awk -F '\t' -v kind="$1" -v package="$2" '$4 == kind && (package == "" || $3 == package) { print $1, $2 }' "$list"; }
case "${1-}" in
    agents)
        rows agent "${3-}" | while read -r name program; do
            [ "$name" = "$program" ] || ln -sf "$program" "$2/$name"
        done
        ;;
    programs) rows agent "${2-}" | awk '!seen[$2]++ { print $2 }' ;;
    checks) rows check "${2-}" ;;
    *) echo "usage: links.sh agents DIR [PACKAGE] | programs [PACKAGE] | checks [PACKAGE]" >&2; exit 2 ;;
esac
