#!/bin/sh
# portable.sh [i686] [s390x]: builds the library for machines of other kinds, 32 bits and big-endian, and runs what needs
# no device there: the tests inside it, the parsers on everything that the fuzzers know, the engine, the SCSI client.
#
# Debian's packages bring all of it, so that it needs no more than the other tests: a compiler with both targets, cross
# linkers, OpenSSL for both, and qemu, which runs the programs of s390x. They are unpacked below target/portable and used
# in a root of their own; nothing of this machine is changed. Debian 12 and 13 have no compiler that is new enough for all
# of this, so they are those of Debian 14, the newest distribution that this is built on.
set -eu
cd "$(dirname "$0")/.."
place=$PWD/target/portable
root=$place/root
release=forky
if [ "$(id -u)" != 0 ]; then
    command -v sudo >/dev/null || { echo "run as root: another root can be entered as root only" >&2; exit 1; }
    exec sudo --preserve-env=CARGO_HOME,PATH,HOME "$PWD/scripts/portable.sh" "$@"
fi
[ $# -gt 0 ] || set -- i686 s390x

# All of it runs in namespaces of its own, so that no mount and no process stays behind, whatever ends this script.
if [ -z "${FENCE_PORTABLE_APART-}" ]; then
    FENCE_PORTABLE_APART=1 setpriv --pdeathsig KILL \
        unshare --mount --pid --fork --kill-child --mount-proc "$PWD/scripts/portable.sh" "$@" &
    apart=$!
    trap 'kill -KILL "$apart" 2>/dev/null; exit 1' HUP INT TERM
    wait "$apart"
    exit
fi

# The packages, without what they would run when installed.
packages="base-files,dash,coreutils,util-linux,cargo,rustc,gcc,libc6-dev,libssl-dev,pkgconf,qemu-user"
packages="$packages,gcc-i686-linux-gnu,libc6-dev:i386,libssl-dev:i386,libstd-rust-dev:i386"
packages="$packages,gcc-s390x-linux-gnu,libc6-dev:s390x,libssl-dev:s390x,libstd-rust-dev:s390x"
if [ "$(cat "$place/packages" 2>/dev/null)" != "$release $packages" ]; then
    rm -rf "$root"
    mkdir -p "$place"
    # A testing release is signed for a week, and mirrors may be behind.
    mmdebstrap --quiet --mode=root --variant=extract --architectures=amd64,i386,s390x \
        --aptopt='APT::Install-Recommends "false"' --aptopt='Acquire::Languages "none"' \
        --aptopt='APT::Sandbox::User "root"' --aptopt='Acquire::Check-Valid-Until "false"' --include="$packages" \
        "$release" "$root" "deb http://deb.debian.org/debian $release main" >"$place/log" 2>&1 </dev/null ||
        { cat "$place/log" >&2; exit 1; }
    echo "$release $packages" >"$place/packages"
fi

# The crates come from this machine's cargo.
cargo fetch --quiet --locked
export CARGO_HOME="${CARGO_HOME:-$HOME/.cargo}"
rm -rf "$root/tmp"
mkdir -p "$root/source" "$root/cargo/registry" "$root/proc" "$root/dev" "$root/tmp"
# What nothing was run to configure.
echo 'root:x:0:0:root:/root:/bin/sh' >"$root/etc/passwd"
printf '%s localhost\n' 127.0.0.1 ::1 >"$root/etc/hosts"
cat >"$root/test.sh" <<'SCRIPT'
set -eu
cd /source
target=$1-unknown-linux-gnu
# cargo's names for the settings of a target.
upper=$(echo "$target" | tr a-z- A-Z_)
export CARGO_HOME=/cargo CARGO_TARGET_DIR=/source/target/portable/build HOME=/tmp PKG_CONFIG_ALLOW_CROSS=1
export CARGO_TARGET_X86_64_UNKNOWN_LINUX_GNU_LINKER=gcc "CARGO_TARGET_${upper}_LINKER=$1-linux-gnu-gcc"
export "CC_$(echo "$target" | tr - _)=$1-linux-gnu-gcc"
case $1 in
    i686) export PKG_CONFIG_LIBDIR=/usr/lib/i386-linux-gnu/pkgconfig ;;
    *) export "CARGO_TARGET_${upper}_RUNNER=qemu-$1" "PKG_CONFIG_LIBDIR=/usr/lib/$1-linux-gnu/pkgconfig" ;;
esac
# Nobody debugs these: without what a debugger needs they are built in less time.
export CARGO_PROFILE_DEV_DEBUG=false
test() { cargo test --quiet --offline --locked --target "$target" "$@"; }
test --lib
test --test corpus --test engine --test model
test --test scsi_client scripted
SCRIPT
mount --bind . "$root/source"
mount --bind "$CARGO_HOME/registry" "$root/cargo/registry"
mount --bind /dev "$root/dev"
mount -t proc proc "$root/proc"
for kind in "$@"; do
    echo "== $kind"
    chroot "$root" /bin/sh /test.sh "$kind"
done
