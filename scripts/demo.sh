#!/bin/sh
# Fences a simulated machine: OpenIPMI's simulator is the machine's BMC, a file is its power.
set -eu
cd "$(dirname "$0")/.."
agent=${CARGO_TARGET_DIR:-$PWD/target}/debug/fence_ipmilan
work=$(mktemp -d)
sim=
trap 'if [ -n "$sim" ]; then kill "$sim" 2>/dev/null; wait "$sim" 2>/dev/null || true; fi; rm -rf "$work"' EXIT
port=$((20000 + $$ % 20000))

. scripts/machine.sh
start_machine "$work" "$port"

run() {
    echo
    printf '%s\n' "\$ printf '$(echo "$1" | tr ' ' '\n' | sed ':a;N;$!ba;s/\n/\\n/g')' | fence_ipmilan"
    code=0
    echo "$1" | tr ' ' '\n' | "$agent" || code=$?
    echo "# exit code $code; the machine's power is now $([ "$(cat "$work/power")" = 1 ] && echo ON || echo OFF)"
    if [ "$code" != "$2" ] || [ "$(cat "$work/power")" != "$3" ]; then
        echo "this isn't what the demo expects" >&2
        exit 1
    fi
}
device="ip=127.0.0.1 ipport=$port username=admin password=secret power_wait=0"

echo "A machine is running behind its BMC at 127.0.0.1 port $port. Options go in on standard input, as a cluster sends them."
run "action=status $device" 0 1
echo
echo "The cluster believes it is dead and fences it; verbose shows each step:"
run "action=off verbose=1 $device" 0 0
run "action=status $device" 2 0
run "action=on $device" 0 1
run "action=reboot $device" 0 1
echo
echo "A wrong password is no success:"
run "action=off $(echo "$device" | sed s/secret/wrong/)" 1 1
