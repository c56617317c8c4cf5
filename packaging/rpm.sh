#!/bin/sh
# rpm.sh: target/package/fence-agents-rs*-RELEASE.ARCH.rpm, from the built agents: one for each family, and one that
# requires them all.
set -eu
# shellcheck source=packaging/stage.sh
. "$(dirname "$0")/stage.sh"
root=$work/root
stage "$root"

for part in $parts; do
    of_part "$root" "$part" | sed 's|^/usr/share/doc/|%doc &|' > "$work/$part.files"
done
(cd "$root" && find "usr/share/doc/$name" "usr/share/$name" -type d | sed "s|^|%dir /|") >> "$work/common.files"

# The originals' packages carry the names of the agents that are no other names of one: fence_apc_snmp is in
# fence-agents-apc-snmp, and fence_tripplite_snmp with it. relations FAMILY.
relations() {
    "$here/scripts/links.sh" names "$1" | while read -r agent; do
        if ! grep -qF "<symlink name=\"$agent\"" "$here"/metadata/*.xml; then
            original=fence-agents-$(echo "${agent#fence_}" | sed 's/_/-/g')
            printf 'Provides: %s = %s\nConflicts: %s\n' "$original" "$version" "$original"
        fi
    done
}

for family in $families; do
    relations "$family" > "$work/relations"
    agents=$(of_part "$root" "$family" | grep '^/usr/sbin/\|^/usr/share/cluster/' | paste -sd ' ')
    sed "s|@family@|$family|g; s|@title@|$(title "$family")|; s|@first_of_families@|$first_of_families|
        s|@agents@|$agents|; s|@work@|$work|; /^@relations@\$/ { r $work/relations
        d }" "$here/packaging/rpm-family.spec"
done > "$work/families"
requires=$(for part in $parts; do echo "$name-$part = $release"; done | paste -sd , | sed 's/,/, /g')
sed "s|@version@|$version|; s|@revision@|${release#"$version"-}|; s|@requires@|$requires|; s|@work@|$work|
    /^@families@\$/ { r $work/families
    d }" "$here/packaging/rpm.spec" > "$work/$name.spec"
rpmbuild -bb --quiet --define "_topdir $work/rpmbuild" --define "_build_id_links none" \
    --define "use_source_date_epoch_as_buildtime 1" --define "_buildhost localhost" "$work/$name.spec" \
    >"$work/log" 2>&1 || { cat "$work/log" >&2; exit 1; }
rm -f "$out/$name"*.rpm
find "$work/rpmbuild/RPMS" -name '*.rpm' -exec cp {} "$out" \; -printf "$out/%f\n" | LC_ALL=C sort
