# shellcheck shell=sh
# start_machine DIR PORT: a simulated machine, for scripts to source. OpenIPMI's simulator is its BMC, at PORT of
# 127.0.0.1 with the user admin and the password secret; the file DIR/power is its power, 1 or 0. Sets $sim to the
# simulator's process id.
start_machine() {
    # The machine: power that can be read and set.
    echo 1 > "$1/power"
    cat > "$1/chassis" <<SCRIPT
#!/bin/sh
case "\$2 \$3" in
    "get power") echo "power:\$(cat $1/power)" ;;
    "set power") echo "\$4" > $1/power ;;
esac
SCRIPT
    chmod +x "$1/chassis"

    # Its BMC: a user, a password, IPMI 1.5 and 2.0.
    cat > "$1/lan.conf" <<CONF
name "machine"
set_working_mc 0x20
  startlan 1
    addr 127.0.0.1 $2
    priv_limit admin
    allowed_auths_callback none md2 md5 straight
    allowed_auths_user none md2 md5 straight
    allowed_auths_operator none md2 md5 straight
    allowed_auths_admin none md2 md5 straight
    guid 0f1e2d3c4b5a69788796a5b4c3d2e1f0
  endlan
  chassis_control "$1/chassis 0x20"
  user 2 true "admin" "secret" admin 10 none md2 md5 straight
CONF
    cat > "$1/bmc.emu" <<EMU
mc_setbmc 0x20
mc_add 0x20 0 no-device-sdrs 0x23 9 8 0x9f 0x1291 0xf02 persist_sdr
sel_enable 0x20 1000 0x0a
mc_enable 0x20
EMU
    mkdir "$1/state"
    ipmi_sim -n -c "$1/lan.conf" -f "$1/bmc.emu" -s "$1/state" >"$1/sim.log" 2>&1 </dev/null &
    sim=$!
    tries=0
    until grep -qi "$(printf ':%04X ' "$2")" /proc/net/udp; do
        tries=$((tries + 1))
        if [ $tries -ge 100 ] || ! kill -0 "$sim" 2>/dev/null; then
            cat "$1/sim.log" >&2
            exit 1
        fi
        sleep 0.05
    done
}
