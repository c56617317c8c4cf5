#!/bin/sh
# Fences a simulated machine: OpenIPMI's simulator is the machine's BMC, a file is its power.
set -eu
cd "$(dirname "$0")/.."
agent=$PWD/target/release/fence_ipmilan
work=$(mktemp -d)
sim=
trap 'if [ -n "$sim" ]; then kill "$sim" 2>/dev/null; wait "$sim" 2>/dev/null || true; fi; rm -rf "$work"' EXIT
port=$((20000 + $$ % 20000))

# The machine: power that can be read and set.
echo 1 > "$work/power"
cat > "$work/chassis" <<SCRIPT
#!/bin/sh
case "\$2 \$3" in
    "get power") echo "power:\$(cat $work/power)" ;;
    "set power") echo "\$4" > $work/power ;;
esac
SCRIPT
chmod +x "$work/chassis"

# Its BMC: a user, a password, IPMI 1.5 and 2.0.
cat > "$work/lan.conf" <<CONF
name "demo"
set_working_mc 0x20
  startlan 1
    addr 127.0.0.1 $port
    priv_limit admin
    allowed_auths_callback none md2 md5 straight
    allowed_auths_user none md2 md5 straight
    allowed_auths_operator none md2 md5 straight
    allowed_auths_admin none md2 md5 straight
    guid 0f1e2d3c4b5a69788796a5b4c3d2e1f0
  endlan
  chassis_control "$work/chassis 0x20"
  user 2 true "admin" "secret" admin 10 none md2 md5 straight
CONF
cat > "$work/bmc.emu" <<EMU
mc_setbmc 0x20
mc_add 0x20 0 no-device-sdrs 0x23 9 8 0x9f 0x1291 0xf02 persist_sdr
sel_enable 0x20 1000 0x0a
mc_enable 0x20
EMU
mkdir "$work/state"
ipmi_sim -n -c "$work/lan.conf" -f "$work/bmc.emu" -s "$work/state" >"$work/sim.log" 2>&1 </dev/null &
sim=$!
tries=0
until grep -qi "$(printf ':%04X ' "$port")" /proc/net/udp; do
    tries=$((tries + 1))
    [ $tries -lt 100 ] && kill -0 "$sim" 2>/dev/null || { cat "$work/sim.log" >&2; exit 1; }
    sleep 0.05
done

run() {
    echo
    echo "\$ printf '$(echo "$1" | tr ' ' '\n' | sed ':a;N;$!ba;s/\n/\\n/g')' | fence_ipmilan"
    code=0
    echo "$1" | tr ' ' '\n' | "$agent" || code=$?
    echo "# exit code $code; the machine's power is now $([ "$(cat "$work/power")" = 1 ] && echo ON || echo OFF)"
    [ "$code" = "$2" ] && [ "$(cat "$work/power")" = "$3" ] || { echo "this isn't what the demo expects" >&2; exit 1; }
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
