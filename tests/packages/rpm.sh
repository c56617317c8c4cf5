#!/bin/sh
# The .rpm with rpm's own tools, in an empty root.
# shellcheck source=tests/packages/common.sh
. "$(dirname "$0")/common.sh"
rpm=$package/fence-agents-rs-$version-1.$(uname -m).rpm
[ -f "$rpm" ] || fail "$rpm isn't built: run make rpm"

rpm -qp --qf '[%{FILEMODES:perms} %{FILENAMES}\n]' "$rpm" | grep -v '^d' | cut -d ' ' -f 2 | expect_contents CHANGELOG.md

# Everything that belongs to root, and the directories that are ours alone.
[ "$(rpm -qp --qf '[%{FILEUSERNAME} %{FILEGROUPNAME}\n]' "$rpm" | sort -u)" = "root root" ] || fail "not everything is root's"
rpm -qp --qf '[%{FILEMODES:perms} %{FILENAMES}\n]' "$rpm" | sed -n 's/^d[^ ]* //p' > "$work/found"
{
    echo /usr/share/doc/fence-agents-rs/docs
    for pictures in docs/*/; do echo "/usr/share/doc/fence-agents-rs/${pictures%/}"; done
    printf '%s\n' /usr/share/doc/fence-agents-rs /usr/share/fence-agents-rs /usr/share/fence-agents-rs/metadata
} | LC_ALL=C sort > "$work/wanted"
same "$work/wanted" "$work/found" "directories"

# It stands for the originals' packages, and can't stand beside them.
for source in src/bin/fence_*.rs; do
    original=fence-agents-$(basename "$source" .rs | sed 's/^fence_//; s/_/-/g')
    rpm -qp --provides "$rpm" | grep -q "^$original = $version$" || fail "doesn't provide $original"
    rpm -qp --conflicts "$rpm" | grep -qx "$original" || fail "doesn't conflict with $original"
done
[ -z "$(rpm -qp --obsoletes "$rpm")" ] || fail "an update would swap the agents unasked"

root=$work/root
mkdir "$root"
rpm_in() { rpm --root "$root" --dbpath /var/lib/rpm "$@"; }
tree_without_database() { (cd "$root" && tree . | sed '/[ .]\/var\/lib\/rpm\//d'); }
rpm_in --initdb
rpm_in -i --force-debian --nodeps --noscripts "$rpm"
rpm_in -V --nodeps --noscripts fence-agents-rs || fail "rpm -V finds files changed"

# The original's package, as far as rpm looks: refused while ours is there.
cat > "$work/original.spec" <<SPEC
Name: fence-agents-ipmilan
Version: 4.12.1
Release: 1
Summary: stand-in
License: GPL
BuildArch: noarch
%description
stand-in
%files
SPEC
rpmbuild -bb --quiet --define "_topdir $work/rpmbuild" "$work/original.spec" >"$work/log" 2>&1 || { cat "$work/log" >&2; fail rpmbuild; }
if rpm_in -i --force-debian --test "$work"/rpmbuild/RPMS/noarch/*.rpm 2>"$work/log"; then fail "the original's package goes in beside ours"; fi
grep -q "fence-agents-ipmilan conflicts with fence-agents-rs\|conflicts with" "$work/log" || { cat "$work/log" >&2; fail "not refused as a conflict"; }

# What stands on this machine is what the agents need, so they run there.
for binary in "$root"/usr/sbin/fence_*; do
    "$binary" -o metadata >/dev/null || fail "$binary doesn't run"
done
rpm_in -e --force-debian --nodeps --noscripts fence-agents-rs
tree_without_database > "$work/after"
: > "$work/wanted"
same "$work/wanted" "$work/after" "rpm -e left something"
for own in "$root/usr/share/fence-agents-rs" "$root/usr/share/doc/fence-agents-rs"; do
    [ ! -e "$own" ] || fail "rpm -e left $own"
done
echo ".rpm: contents, provides and conflicts; installed into an empty root and removed; nothing left behind"
