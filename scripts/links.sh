#!/bin/sh
# links.sh agents DIR: the other names of each agent in DIR, as symbolic links to its binary. The metadata names them.
# links.sh checks: programs for the watchdog that are names of an agent but no agents, and that agent, line by line.
# They belong into /usr/share/cluster: a cluster would take them for agents beside the agents.
set -eu
here=$(cd "$(dirname "$0")/.." && pwd)
case "$1" in
    agents)
        for source in "$here"/src/bin/fence_*.rs; do
            agent=$(basename "$source" .rs)
            sed -n 's/^\t<symlink name="\([a-z0-9_]*\)".*/\1/p' "$here/metadata/$agent.xml" | while read -r name; do
                ln -sf "$agent" "$2/$name"
            done
        done
        ;;
    checks)
        if [ -e "$here/src/bin/fence_scsi.rs" ]; then
            echo "fence_scsi_check fence_scsi"
            echo "fence_scsi_check_hardreboot fence_scsi"
        fi
        ;;
    *) echo "usage: links.sh agents DIR | checks" >&2; exit 2 ;;
esac
