#!/bin/sh
# The .debs beside Debian's fence-agents, in both orders, all of them and a family alone, with dpkg, in a copy of this
# machine that is thrown away.
# shellcheck source=tests/packages/common.sh
. "$(dirname "$0")/common.sh"
arch=$(dpkg --print-architecture)
all=$(ls "$package"/fence-agents-rs*_"$version"-*_"$arch".deb) || fail "the packages aren't built: run make deb"

# file PART: the package of this part; of everything where there is none.
file() { ls "$package/fence-agents-rs${1:+-$1}_$version"-*_"$arch".deb; }
field() { dpkg-deb --field "$(file "$1")" "$2"; }

for part in common fencing $families; do
    dpkg-deb --fsys-tarfile "$(file "$part")" | tar -t | grep -v '/$' | sed 's|^\.||' | grep -v "^/usr/share/doc/fence-agents-rs-$part\$" \
        | expect_part "$part" changelog.gz copyright
    dpkg-deb --fsys-tarfile "$(file "$part")" | tar -tv | grep -q " ./usr/share/doc/fence-agents-rs-$part -> fence-agents-rs\$" \
        || fail "$part has no copyright and no changelog"
done
if dpkg-deb --fsys-tarfile "$(file "")" | tar -t | grep -v '/$'; then fail "the package of all families isn't empty"; fi
# shellcheck disable=SC2086
lines common fencing $families | sed 's/^/fence-agents-rs-/' > "$work/wanted"
field "" Depends | tr , '\n' | sed 's/^ *\([^ ]*\) (= .*/\1/' | LC_ALL=C sort > "$work/found"
same "$work/wanted" "$work/found" "the package of all families requires something else than all families"
# What a family doesn't use it doesn't require: the libraries are those that its program names.
for family in $families; do
    for program in $(scripts/links.sh programs "$family"); do readelf -d "target/release/$program"; done > "$work/dynamic"
    needs=$(grep -c 'NEEDED.*libssl' "$work/dynamic" || true)
    asks=$(field "$family" Depends | grep -c libssl || true)
    [ "$needs" = "$asks" ] || fail "$family: libssl is needed by $needs programs, and required $asks times"
done
if field ipmi Depends | grep -q libssl; then fail "fence_ipmilan needs no TLS"; fi

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
mkdir "$root/ours"
# shellcheck disable=SC2086
cp $all "$root/ours"
cp "$original" "$root/original.deb"

try_dpkg() { DEBIAN_FRONTEND=noninteractive chroot "$root" dpkg --no-triggers --force-depends --force-unsafe-io "$@" >"$work/log" 2>&1; }
dpkg_in() { try_dpkg "$@" || { cat "$work/log" >&2; fail "dpkg $*"; }; }
# in_root PART...: the packages of these parts, as they are called in there.
in_root() { for part in "$@"; do echo "/ours/$(basename "$(file "$part")")"; done; }
ours() { chroot "$root" sh -c 'ls /ours/*.deb'; }
# Whatever of ours is installed, in any state.
installed() {
    # shellcheck disable=SC2016
    chroot "$root" dpkg-query -W -f '${Package} ${db:Status-Status}\n' fence-agents-rs 'fence-agents-rs-*' 2>/dev/null | sed -n '/ not-installed$/!s/ .*//p'
}
# shellcheck disable=SC2046
install_ours() { dpkg_in --install $(ours); }
# remove_ours HOW: all that is there.
# shellcheck disable=SC2046
remove_ours() { dpkg_in "$1" $(installed); }
look() {
    (
        cd "$root"
        tree usr/sbin/fence_* usr/share/man/man8/fence_* usr/share/cluster usr/lib/fence-agents-rs usr/share/fence-agents-rs usr/share/doc/fence-agents-rs*
        find etc usr/sbin usr/lib usr/share/bash-completion usr/share/man/man8 -maxdepth 3 | LC_ALL=C sort
    )
}
expect_nothing_of_ours() {
    look > "$work/after"
    same "$1" "$work/after" "$2"
    [ ! -e "$root/usr/lib/fence-agents-rs" ] || fail "$2: /usr/lib/fence-agents-rs is left"
    if chroot "$root" dpkg-divert --list | grep fence-agents-rs; then fail "$2: a diversion is left"; fi
    # shellcheck disable=SC2016
    status=$(chroot "$root" dpkg-query -W -f '${Status}\n' fence-agents-rs 'fence-agents-rs-*' 2>/dev/null | grep -v '^unknown ok not-installed$' | sort -u)
    case "$status" in
        "" | "deinstall ok config-files" | "install ok not-installed") ;;
        *) fail "$2: dpkg's status is $status" ;;
    esac
}
# Every agent of the machine is there once, and nothing else under such a name; and Pacemaker finds them.
expect_agents() {
    find "$root/usr/sbin" -name 'fence_*' -printf '%f\n' | LC_ALL=C sort > "$work/found"
    same "$1" "$work/found" "the agents in /usr/sbin aren't those that belong there"
    # shellcheck disable=SC2046
    expect_listed "$root" $(cat "$1")
}
# Ours are these families' names, the others' agents are the original's.
expect_family() {
    expect_ours "$root" "$1"
    for name in $(lines_without "$names" "$(scripts/links.sh names "$1")"); do
        if [ -f "$root/usr/sbin/$name" ] && grep -qF fence-agents-rs "$root/usr/sbin/$name"; then fail "$name is ours"; fi
    done
}
lines_without() { for word in $1; do case " $(echo "$2" | paste -sd ' ') " in *" $word "*) ;; *) echo "$word" ;; esac; done; }
# expect_kept NAME: the original is kept, and ours is in its place.
kept=$root/usr/lib/fence-agents-rs/diverted
expect_kept() {
    for name in "$@"; do
        [ ! -e "$work/original_files/$name" ] || cmp -s "$work/original_files/$name" "$kept/usr/sbin/$name" || fail "the original of $name wasn't kept"
    done
}

# A known beginning: neither package.
dpkg_in --purge fence-agents-rs fence-agents
rm -rf "$root/usr/lib/fence-agents-rs"
look > "$work/neither"
find "$root/usr/sbin" -name 'fence_*' -printf '%f\n' | LC_ALL=C sort > "$work/agents_neither"
dpkg_in --install /original.deb
look > "$work/original"
find "$root/usr/sbin" -name 'fence_*' -printf '%f\n' | LC_ALL=C sort > "$work/agents_original"
# shellcheck disable=SC2046,SC2086
lines $(cat "$work/agents_original") $names | uniq > "$work/agents_both"
# shellcheck disable=SC2046,SC2086
lines $(cat "$work/agents_neither") $names | uniq > "$work/agents_ours"
mkdir "$work/original_files"
cp "$root"/usr/sbin/fence_* "$work/original_files"

# watch COMMAND...: an agent stands under each name while dpkg works. A watcher looks as often as it can.
watch() {
    rm -f "$work/done"
    (
        missing=0
        while [ ! -e "$work/done" ]; do
            for name in fence_ipmilan fence_redfish fence_scsi; do
                [ -e "$root/usr/sbin/$name" ] || missing=$((missing + 1))
            done
        done
        echo "$missing" > "$work/missing"
    ) &
    watcher=$!
    "$@"
    touch "$work/done"
    wait "$watcher"
    [ "$(cat "$work/missing")" = 0 ] || fail "there was no agent for a while: $*"
}

# Ours over the original.
watch install_ours
expect_ours "$root"
expect_agents "$work/agents_both"
# shellcheck disable=SC2086
expect_kept $names
[ "$(head -c 2 "$kept/usr/sbin/fence_ipmilan")" = '#!' ] || fail "the original wasn't kept"
# shellcheck disable=SC2046
chroot "$root" dpkg --verify $(installed) fence-agents > "$work/verify" || true
if grep -v '/usr/share/doc/\|/usr/share/man/[a-z][a-z]' "$work/verify"; then fail "dpkg --verify finds files changed"; fi

# An update of either leaves both as they are.
dpkg_in --install /original.deb
expect_ours "$root"
install_ours
expect_ours "$root"
expect_agents "$work/agents_both"

# One family goes, and the others stay.
dpkg_in --remove fence-agents-rs fence-agents-rs-ipmi
expect_family "$(scripts/links.sh families | grep -vx ipmi | paste -sd ' ')"
expect_agents "$work/agents_both"
dpkg_in --install /original.deb
remove_ours --remove
expect_nothing_of_ours "$work/original" "removed, the original stays"

# The other order: the original comes to us, and goes first.
dpkg_in --purge fence-agents
install_ours
expect_ours "$root"
expect_agents "$work/agents_ours"
dpkg_in --install /original.deb
expect_ours "$root"
expect_agents "$work/agents_both"
dpkg_in --purge fence-agents
expect_ours "$root"
remove_ours --purge
expect_nothing_of_ours "$work/neither" "both purged"
[ -z "$status" ] || fail "purged, and dpkg still knows us: $status"

# A family alone, with checks for the watchdog and without: the originals of the others stay as they are, and its own come
# back.
dpkg_in --install /original.deb
for family in ipmi storage; do
    # shellcheck disable=SC2046
    dpkg_in --install $(in_root common "$family")
    expect_family "$family"
    # shellcheck disable=SC2046
    expect_kept $(scripts/links.sh names "$family")
    remove_ours --purge
    expect_nothing_of_ours "$work/original" "$family alone"
done
# One goes and leaves places where the originals of another's can still come to.
dpkg_in --purge fence-agents
# shellcheck disable=SC2046
dpkg_in --install $(in_root common ipmi redfish)
dpkg_in --purge fence-agents-rs-ipmi
dpkg_in --install /original.deb
expect_family redfish
remove_ours --purge
expect_nothing_of_ours "$work/original" "one family after the other"

# An installation that fails half-way: the original is what it was.
mkdir "$work/broken"
dpkg-deb -R "$(file ipmi)" "$work/broken"
sed -i '$a exit 1' "$work/broken/DEBIAN/preinst"
dpkg-deb -Znone --build "$work/broken" "$root/broken.deb" >/dev/null
if try_dpkg --install /broken.deb; then fail "the broken package went in"; fi
expect_nothing_of_ours "$work/original" "a failed installation"

# From the one package of all families, as it was before there was one for each: made of their files, with its own
# scripts.
before=$work/before
mkdir -p "$before/DEBIAN"
for deb in $all; do dpkg-deb -x "$deb" "$before"; done
rm "$before"/usr/share/doc/fence-agents-rs-*
contested=$(cd "$before" && find usr/sbin usr/share/man usr/share/cluster ! -type d -name 'fence_*' | sed 's|^|/|' | LC_ALL=C sort)
for script in preinst postinst postrm; do
    awk -v list="$contested" '/^@contested@$/ { print list; next } { print }' "tests/packages/before/$script" > "$before/DEBIAN/$script"
    chmod 755 "$before/DEBIAN/$script"
done
printf 'Package: fence-agents-rs\nVersion: %s\nArchitecture: %s\nMaintainer: nobody <noreply@localhost>\nDescription: stand-in\n' "$version" "$arch" \
    > "$before/DEBIAN/control"
dpkg-deb --root-owner-group -Znone --build "$before" "$root/before.deb" >/dev/null
rm -r "$before"

# All after it, whichever is unpacked first: with the original and without it, and back.
upgrade() { dpkg_in --auto-deconfigure --install "$@"; }
after_upgrade() {
    expect_ours "$root"
    expect_agents "$1"
    [ ! -e "$root/usr/lib/fence-agents-rs/moving" ] || fail "something still moves: $(find "$root/usr/lib/fence-agents-rs/moving")"
    if LC_ALL=C chroot "$root" dpkg-divert --list | grep ' by fence-agents-rs$'; then fail "a diversion belongs to the package of before"; fi
}
# shellcheck disable=SC2046,SC2086
for order in "common fencing $families -" "- common fencing $families"; do
    files=$(for part in $order; do in_root "${part#-}"; done)
    dpkg_in --install /before.deb
    watch upgrade $files
    after_upgrade "$work/agents_both"
    expect_kept $names
    dpkg_in --install /original.deb
    expect_ours "$root"
    remove_ours --purge
    expect_nothing_of_ours "$work/original" "upgraded in the order of $order, and purged"
done
dpkg_in --purge fence-agents
dpkg_in --install /before.deb
# shellcheck disable=SC2046
upgrade $(ours)
after_upgrade "$work/agents_ours"
remove_ours --purge
expect_nothing_of_ours "$work/neither" "upgraded without the original, and purged"

# A family's package doesn't go in beside the one of before, and a failure leaves that one as it was.
dpkg_in --install /original.deb
dpkg_in --install /before.deb
look > "$work/before_upgrade"
chroot "$root" dpkg-divert --list | LC_ALL=C sort > "$work/diversions"
# shellcheck disable=SC2046
if try_dpkg --install $(in_root common ipmi); then fail "a family went in beside the package of all"; fi
if try_dpkg --auto-deconfigure --install /broken.deb; then fail "the broken package went in"; fi
mkdir "$work/broken_all"
dpkg-deb -R "$(file "")" "$work/broken_all"
sed -i '$a exit 1' "$work/broken_all/DEBIAN/preinst"
dpkg-deb -Znone --build "$work/broken_all" "$root/broken_all.deb" >/dev/null
if try_dpkg --install /broken_all.deb; then fail "the broken package of all families went in"; fi
# shellcheck disable=SC2016
[ "$(chroot "$root" dpkg-query -W -f '${Version} ${Status}' fence-agents-rs)" = "$version install ok installed" ] || fail "a failed upgrade left the package of before broken"
look > "$work/after"
same "$work/before_upgrade" "$work/after" "a failed upgrade changed something"
chroot "$root" dpkg-divert --list | LC_ALL=C sort > "$work/after"
same "$work/diversions" "$work/after" "a failed upgrade changed diversions"
remove_ours --purge
expect_nothing_of_ours "$work/original" "purged after a failed upgrade"
echo ".deb: all and a family alone installed and removed beside fence-agents in both orders, upgraded from the one package; nothing left behind"
