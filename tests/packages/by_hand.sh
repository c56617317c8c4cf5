#!/bin/sh
# make install beside the originals, into a directory: they are kept, and come back.
# shellcheck source=tests/packages/common.sh
. "$(dirname "$0")/common.sh"
root=$work/root
mkdir -p "$root/usr/sbin" "$root/usr/share/man/man8"
for name in fence_ipmilan fence_ilo4 fence_redfish fence_other; do
    printf '#!/usr/bin/python3\n# %s\n' "$name" > "$root/usr/sbin/$name"
    chmod 755 "$root/usr/sbin/$name"
    echo "the original's" | gzip > "$root/usr/share/man/man8/$name.8.gz"
done
# Some of the field's agents are no scripts.
cp /bin/true "$root/usr/sbin/fence_scsi"
tree "$root" > "$work/before"

# Twice, as an update does it: ours isn't taken for an original then.
for _ in once again; do
    make -s install DESTDIR="$root" PREFIX=/usr >/dev/null
    for name in $names; do
        [ "$(head -c 4 "$root/usr/sbin/$name" | tail -c 3)" = ELF ] || fail "$name isn't ours"
    done
    find "$root/usr/sbin" -mindepth 1 -printf '%f\n' | LC_ALL=C sort > "$work/found"
    # shellcheck disable=SC2086
    lines $names fence_other fencing > "$work/wanted"
    same "$work/wanted" "$work/found" "something else than agents and fencing stands in /usr/sbin"
done
# shellcheck disable=SC2086
expect_listed "$root" $names fence_other
grep -q "# fence_ilo4" "$root/usr/lib/fence-agents-rs/originals/usr/sbin/fence_ilo4" || fail "an original wasn't kept"
make -s uninstall DESTDIR="$root" PREFIX=/usr >/dev/null
tree "$root" > "$work/after"
same "$work/before" "$work/after" "make uninstall left something else than was there before"

# One family, and the originals of the others stay.
make -s install DESTDIR="$root" PREFIX=/usr FAMILY=ipmi >/dev/null
for name in fence_redfish fence_scsi; do
    if grep -qF fence-agents-rs "$root/usr/sbin/$name"; then fail "$name is ours"; fi
done
# shellcheck disable=SC2046
expect_listed "$root" $(scripts/links.sh names ipmi) fence_other fence_redfish fence_scsi
make -s uninstall DESTDIR="$root" PREFIX=/usr >/dev/null
tree "$root" > "$work/after"
same "$work/before" "$work/after" "make uninstall of one family left something else than was there before"
if make -s install DESTDIR="$root" PREFIX=/usr FAMILY="ipmi none" >"$work/log" 2>&1; then fail "a family that isn't there was installed"; fi
grep -q "none" "$work/log" || { cat "$work/log" >&2; fail "the family that isn't there isn't named"; }
tree "$root" > "$work/after"
same "$work/before" "$work/after" "a family that isn't there, and something was installed"

# Into another place, and away again: nothing is left, no directory either.
make -s install DESTDIR="$work/other" PREFIX=/opt/fence >/dev/null
find "$work/other/opt/fence" ! -type d | sed "s|^$work/other/opt/fence|/usr|" | { cat; echo /usr/share/doc/fence-agents-rs/third-party-licences.gz; } | expect_all CHANGELOG.md
make -s uninstall DESTDIR="$work/other" PREFIX=/opt/fence >/dev/null
[ ! -e "$work/other" ] || fail "left behind: $(find "$work/other")"
echo "make install and uninstall: as it was before"
