#!/bin/sh
# links.sh agents DIR [FAMILIES]: the other names of each program in DIR, as symbolic links to it.
# links.sh names [FAMILIES]: every name that is an agent, line by line.
# links.sh programs [FAMILIES]: the programs, line by line.
# links.sh checks [FAMILIES]: programs for the watchdog that are names of an agent but no agents, and that agent. They
# belong into /usr/share/cluster: a cluster would take them for agents beside the agents.
# links.sh families: what FAMILIES may hold, one word for each; all of them where nothing is given.
# Names and families stand in metadata/agents.list, which "make generated" writes.
set -eu
list=$(cd "$(dirname "$0")/.." && pwd)/metadata/agents.list
# rows KIND FAMILIES: name and program.
rows() {
    awk -F '\t' -v kind="$1" -v families="$2" '$4 == kind && (families == "" || index(" " families " ", " " $3 " ")) { print $1, $2 }' "$list"
}
case "${1-}" in
    agents)
        rows agent "${3-}" | while read -r name program; do
            [ "$name" = "$program" ] || ln -sf "$program" "$2/$name"
        done
        ;;
    names) rows agent "${2-}" | cut -d ' ' -f 1 ;;
    programs) rows agent "${2-}" | awk '!seen[$2]++ { print $2 }' ;;
    checks) rows check "${2-}" ;;
    families) awk -F '\t' '!seen[$3]++ { print $3 }' "$list" ;;
    *) echo "usage: links.sh agents DIR [FAMILIES] | names [FAMILIES] | programs [FAMILIES] | checks [FAMILIES] | families" >&2; exit 2 ;;
esac
