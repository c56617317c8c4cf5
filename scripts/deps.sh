#!/bin/sh
# deps.sh demo|build|test|bench|fuzz|packages|portable: installs the Debian packages that this needs and
# that aren't there yet.
set -eu
case "$1" in
    demo) packages="openipmi" ;;
    build) packages= ;;
    # The guest's kernel and tools are downloaded and unpacked by tests/guest/build.sh; the original runs in it.
    test)
        packages="shellcheck snmpd snmp iproute2 openipmi ipmitool freeipmi-tools qemu-system-x86 binutils python3 python3-venv python3-libvirt fence-agents strace"
        packages="$packages pacemaker corosync pacemaker-cli-utils pcs crmsh libxml2-utils"
        packages="$packages curl openssl openssh-client openssh-server dropbear-bin inetutils-telnet inetutils-telnetd"
        ;;
    bench)
        packages="snmpd snmp openipmi ipmitool freeipmi-tools curl qemu-system-x86 binutils python3 fence-agents ca-certificates"
        packages="$packages pacemaker pacemaker-cli-utils pcs"
        ;;
    fuzz) packages="g++" ;;
    packages) packages="binutils createrepo-c dnf dpkg-dev openipmi pacemaker-cli-utils patchelf rpm zypper" ;;
    portable) packages="mmdebstrap" ;;
    *) echo "usage: deps.sh demo|build|test|bench|fuzz|packages|portable" >&2; exit 2 ;;
esac
packages="$packages gcc libc6-dev libssl-dev pkg-config"
missing=
for package in $packages; do
    dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q '^install ok installed' || missing="$missing $package"
done
[ -n "$missing" ] || exit 0
echo "installing from Debian:$missing"
as_root=
if [ "$(id -u)" != 0 ]; then
    as_root=sudo
    command -v sudo >/dev/null || { echo "run as root, or install yourself:$missing" >&2; exit 1; }
fi
log=$(mktemp)
# The tests start what they need themselves: nothing that comes with a service starts it now.
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
    trap '$as_root rm -f "$policy"' EXIT
    trap 'exit 1' HUP INT TERM
    printf '#!/bin/sh\nexit 101\n' | $as_root install -m 755 /dev/stdin "$policy"
fi
# The names are words, and sudo may be none.
# shellcheck disable=SC2086
if ! { $as_root apt-get update -q && DEBIAN_FRONTEND=noninteractive $as_root apt-get install -y -q --no-install-recommends $missing; } >"$log" 2>&1; then
    cat "$log" >&2
    exit 1
fi
rm -f "$log"
