#!/bin/sh
# The .rpm with rpm's own tools, in an empty root.
# shellcheck source=tests/packages/common.sh
. "$(dirname "$0")/common.sh"
arch=$(uname -m)
all=$(ls "$package"/fence-agents-rs*-"$version"-*."$arch".rpm) || fail "the packages aren't built: run make rpm"

# file PART: the package of this part; of everything where there is none.
file() { ls "$package/fence-agents-rs${1:+-$1}-$version"-[0-9]*."$arch".rpm; }
# asked PART WHAT: what the package of this part requires, provides and so on.
asked() { rpm -qp "--$2" "$(file "$1")"; }

for part in common fencing $families; do
    rpm -qp --qf '[%{FILEMODES:perms} %{FILENAMES}\n]' "$(file "$part")" | grep -v '^d' | cut -d ' ' -f 2 | expect_part "$part" CHANGELOG.md
done
[ "$(rpm -qpl "$(file "")")" = "(contains no files)" ] || fail "the package of all families isn't empty"
# shellcheck disable=SC2086
lines common fencing $families | sed 's/^/fence-agents-rs-/' > "$work/wanted"
asked "" requires | sed -n 's/^\(fence-agents-[^ ]*\) = .*/\1/p' | LC_ALL=C sort > "$work/found"
same "$work/wanted" "$work/found" "the package of all families requires something else than all families"

# Everything that belongs to root, and the directories that are ours alone.
# shellcheck disable=SC2086
[ "$(rpm -qp --qf '[%{FILEUSERNAME} %{FILEGROUPNAME}\n]' $all | sort -u)" = "root root" ] || fail "not everything is root's"
# shellcheck disable=SC2086
rpm -qp --qf '[%{FILEMODES:perms} %{FILENAMES}\n]' $all | sed -n 's/^d[^ ]* //p' > "$work/found"
{
    echo /usr/share/doc/fence-agents-rs/docs
    for pictures in docs/*/; do echo "/usr/share/doc/fence-agents-rs/${pictures%/}"; done
    printf '%s\n' /usr/share/doc/fence-agents-rs /usr/share/fence-agents-rs /usr/share/fence-agents-rs/metadata
} | LC_ALL=C sort > "$work/wanted"
same "$work/wanted" "$work/found" "directories"

# A family stands for the originals' packages of its agents, and can't stand beside them.
links=$(sed -n 's/.*<symlink name="\([^"]*\)".*/\1/p' metadata/*.xml)
for family in $families; do
    asked "$family" provides > "$work/provides"
    asked "$family" conflicts > "$work/conflicts"
    for name in $(scripts/links.sh names "$family"); do
        case " $(echo "$links" | paste -sd ' ') " in *" $name "*) continue ;; esac
        original=fence-agents-$(echo "${name#fence_}" | sed 's/_/-/g')
        grep -q "^$original = $version$" "$work/provides" || fail "$family doesn't provide $original"
        grep -qx "$original" "$work/conflicts" || fail "$family doesn't conflict with $original"
    done
    [ -z "$(asked "$family" obsoletes)" ] || fail "an update would swap the agents unasked"
    # What a family doesn't use it doesn't require.
    for program in $(scripts/links.sh programs "$family"); do readelf -d "target/release/$program"; done > "$work/dynamic"
    if ! grep -q 'NEEDED.*libssl' "$work/dynamic" && asked "$family" requires | grep libssl; then fail "$family needs no TLS"; fi
done
for part in "" common fencing; do
    if asked "$part" provides | grep -v '^fence-agents-rs'; then fail "${part:-the package of all families} provides an agent"; fi
done

root=$work/root
mkdir "$root"
rpm_in() { rpm --root "$root" --dbpath /var/lib/rpm "$@"; }
tree_without_database() { (cd "$root" && tree . | sed '/[ .]\/var\/lib\/rpm\//d'); }
rpm_in --initdb
# shellcheck disable=SC2086
rpm_in -i --force-debian --nodeps --noscripts $all
installed() { rpm_in -qa --qf '%{NAME}\n' fence-agents-rs 'fence-agents-rs-*'; }
# shellcheck disable=SC2046
rpm_in -V --nodeps --noscripts $(installed) || fail "rpm -V finds files changed"
# shellcheck disable=SC2086
expect_listed "$root" $names

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
grep -q "fence-agents-ipmilan conflicts with .*fence-agents-rs-ipmi" "$work/log" || { cat "$work/log" >&2; fail "not refused as a conflict"; }

# What stands on this machine is what the agents need, so they run there.
for binary in "$root"/usr/sbin/fence_*; do
    "$binary" -o metadata >/dev/null || fail "$binary doesn't run"
done
cp -a "$root/usr" "$work/usr"
# One family goes, and takes nothing of another's along.
rpm_in -e --force-debian --nodeps --noscripts fence-agents-rs-ipmi
# shellcheck disable=SC2046
expect_listed "$root" $(scripts/links.sh names "$(echo "$families" | grep -vx ipmi | paste -sd ' ')")
# shellcheck disable=SC2046
rpm_in -e --force-debian --nodeps --noscripts $(installed)
tree_without_database > "$work/after"
: > "$work/wanted"
same "$work/wanted" "$work/after" "rpm -e left something"
for own in "$root/usr/share/fence-agents-rs" "$root/usr/share/doc/fence-agents-rs"; do
    [ ! -e "$own" ] || fail "rpm -e left $own"
done

# From the one package of all families, as it was before there was one for each.
cat > "$work/before.spec" <<SPEC
Name: fence-agents-rs
Version: $version
Release: 1
Summary: stand-in
License: none
%description
stand-in
%install
mkdir -p %{buildroot}
cp -a $work/usr %{buildroot}
%files
/usr/sbin/*
/usr/share/cluster/*
/usr/share/bash-completion/completions/*
/usr/share/doc/fence-agents-rs
/usr/share/fence-agents-rs
/usr/share/man/man8/*
SPEC
rpmbuild -bb --quiet --define "_topdir $work/rpmbuild" --define "debug_package %{nil}" --define "__os_install_post %{nil}" \
    --define "_build_id_links none" "$work/before.spec" >"$work/log" 2>&1 || { cat "$work/log" >&2; fail rpmbuild; }
rpm_in -i --force-debian --nodeps --noscripts "$work/rpmbuild/RPMS/$arch/fence-agents-rs-$version-1.$arch.rpm"
# A family doesn't go in beside it, all of them go in after it.
if rpm_in -i --force-debian --test "$(file ipmi)" 2>"$work/log"; then fail "a family goes in beside the package of all"; fi
grep -q "fence-agents-rs < .* conflicts with" "$work/log" || { cat "$work/log" >&2; fail "not refused as a conflict"; }
# shellcheck disable=SC2086
rpm_in -U --force-debian --nodeps --noscripts $all
# shellcheck disable=SC2046
rpm_in -V --nodeps --noscripts $(installed) || fail "rpm -V finds files changed after an upgrade"
# shellcheck disable=SC2086
expect_listed "$root" $names
# shellcheck disable=SC2046
rpm_in -e --force-debian --nodeps --noscripts $(installed)
tree_without_database > "$work/after"
: > "$work/wanted"
same "$work/wanted" "$work/after" "rpm -e left something after an upgrade"
echo ".rpm: contents, provides and conflicts; all installed into an empty root, upgraded from the one package and removed; nothing left behind"
