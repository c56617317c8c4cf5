#!/bin/sh
# The .deb beside Debian's fence-agents, in both orders, with dpkg, in a copy of this machine that is thrown away.
# shellcheck source=tests/packages/common.sh
. "$(dirname "$0")/common.sh"
deb=$package/fence-agents-rs_${version}_$(dpkg --print-architecture).deb
[ -f "$deb" ] || fail "$deb isn't built: run make deb"

dpkg-deb --fsys-tarfile "$deb" | tar -t | grep -v '/$' | sed 's|^\.||' | expect_contents changelog.gz copyright

original=$(echo target/package/cache/fence-agents_*.deb)
if [ ! -f "$original" ]; then
    mkdir -p target/package/cache
    (cd target/package/cache && apt-get download -q fence-agents >/dev/null) || fail "fence-agents can't be had from Debian"
    original=$(echo target/package/cache/fence-agents_*.deb)
fi

# What is written goes to memory; what isn't is this machine's.
mount -t tmpfs tmpfs "$work"
mkdir "$work/upper" "$work/work" "$work/root"
mount -t overlay overlay -o "lowerdir=/,upperdir=$work/upper,workdir=$work/work" "$work/root"
root=$work/root
mount -t proc proc "$root/proc"
cp "$deb" "$root/ours.deb"
cp "$original" "$root/original.deb"

dpkg_in() { DEBIAN_FRONTEND=noninteractive chroot "$root" dpkg --no-triggers --force-depends --force-unsafe-io "$@" >"$work/log" 2>&1 || { cat "$work/log" >&2; fail "dpkg $*"; }; }
look() {
    (
        cd "$root"
        tree usr/sbin/fence_* usr/share/man/man8/fence_* usr/share/cluster usr/lib/fence-agents-rs usr/share/fence-agents-rs usr/share/doc/fence-agents-rs
        find etc usr/sbin usr/lib usr/share/bash-completion usr/share/man/man8 -maxdepth 3 | LC_ALL=C sort
    )
}
expect_nothing_of_ours() {
    look > "$work/after"
    same "$1" "$work/after" "$2"
    [ ! -e "$root/usr/lib/fence-agents-rs" ] || fail "$2: /usr/lib/fence-agents-rs is left"
    if chroot "$root" dpkg-divert --list | grep fence-agents-rs; then fail "$2: a diversion is left"; fi
    # shellcheck disable=SC2016
    status=$(chroot "$root" dpkg-query -W -f '${Status}' fence-agents-rs 2>/dev/null || true)
    case "$status" in
        "" | "deinstall ok config-files" | "install ok not-installed") ;;
        *) fail "$2: dpkg's status is $status" ;;
    esac
}
# Every agent of the machine is there once, and nothing else under such a name.
expect_agents() {
    find "$root/usr/sbin" -name 'fence_*' -printf '%f\n' | LC_ALL=C sort > "$work/found"
    same "$1" "$work/found" "the agents in /usr/sbin aren't those that belong there"
}

# A known beginning: neither package.
dpkg_in --purge fence-agents-rs fence-agents
rm -rf "$root/usr/lib/fence-agents-rs"
look > "$work/neither"
dpkg_in --install /original.deb
look > "$work/original"
find "$root/usr/sbin" -name 'fence_*' -printf '%f\n' | LC_ALL=C sort > "$work/agents_original"
{ cat "$work/agents_original"; for name in $names; do echo "$name"; done; } | LC_ALL=C sort -u > "$work/agents_both"

# Ours over the original: an agent stands under each name while dpkg works. A watcher looks as often as it can.
(
    missing=0
    while [ ! -e "$work/done" ]; do
        [ -e "$root/usr/sbin/fence_ipmilan" ] || missing=$((missing + 1))
    done
    echo "$missing" > "$work/missing"
) &
watcher=$!
dpkg_in --install /ours.deb
touch "$work/done"
wait "$watcher"
[ "$(cat "$work/missing")" = 0 ] || fail "there was no fence_ipmilan for a while"
expect_ours "$root"
expect_agents "$work/agents_both"
kept=$root/usr/lib/fence-agents-rs/diverted
[ "$(head -c 2 "$kept/usr/sbin/fence_ipmilan")" = '#!' ] || fail "the original wasn't kept"
chroot "$root" dpkg --verify fence-agents-rs fence-agents > "$work/verify" || true
if grep -v '/usr/share/doc/\|/usr/share/man/[a-z][a-z]' "$work/verify"; then fail "dpkg --verify finds files changed"; fi

# An update of either leaves both as they are.
dpkg_in --install /original.deb
expect_ours "$root"
dpkg_in --install /ours.deb
expect_ours "$root"
expect_agents "$work/agents_both"

dpkg_in --remove fence-agents-rs
expect_nothing_of_ours "$work/original" "removed, the original stays"

# The other order: the original comes to us, and goes first.
dpkg_in --purge fence-agents
dpkg_in --install /ours.deb
expect_ours "$root"
dpkg_in --install /original.deb
expect_ours "$root"
expect_agents "$work/agents_both"
dpkg_in --purge fence-agents-rs
expect_nothing_of_ours "$work/original" "purged, the original stays"
dpkg_in --install /ours.deb
dpkg_in --purge fence-agents
expect_ours "$root"
dpkg_in --purge fence-agents-rs
expect_nothing_of_ours "$work/neither" "both purged"
[ -z "$status" ] || fail "purged, and dpkg still knows us: $status"

# An installation that fails half-way: the original is what it was.
dpkg_in --install /original.deb
mkdir "$work/broken"
dpkg-deb -R "$deb" "$work/broken"
sed -i '$a exit 1' "$work/broken/DEBIAN/preinst"
dpkg-deb -Znone --build "$work/broken" "$root/broken.deb" >/dev/null
if chroot "$root" dpkg --no-triggers --install /broken.deb >"$work/log" 2>&1; then fail "the broken package went in"; fi
expect_nothing_of_ours "$work/original" "a failed installation"
echo ".deb: installed and removed beside fence-agents in both orders; nothing left behind"
