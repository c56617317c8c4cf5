#!/bin/sh
# rpm.sh: target/package/fence-agents-rs-VERSION-1.ARCH.rpm, from the built agents.
set -eu
# shellcheck source=packaging/stage.sh
. "$(dirname "$0")/stage.sh"
root=$work/root
stage "$root"
contents "$root" | sed 's|^/usr/share/doc/|%doc &|' > "$work/files"
(cd "$root" && find "usr/share/doc/$name" "usr/share/$name" -type d | sed "s|^|%dir /|") >> "$work/files"

agents=$(contents "$root" | grep '^/usr/sbin/\|^/usr/share/cluster/' | paste -sd ' ')
# The originals' packages carry the agents' names: fence_apc_snmp is in fence-agents-apc-snmp.
relations=$(for agent in "$here"/src/bin/fence_*.rs; do
    original=fence-agents-$(basename "$agent" .rs | sed 's/^fence_//; s/_/-/g')
    printf 'Provides: %s = %s\\nConflicts: %s\\n' "$original" "$version" "$original"
done)
sed "s|@version@|$version|; s|@staged@|$root|; s|@files@|$work/files|; s|@relations@|$relations|; s|@agents@|$agents|" \
    "$here/packaging/rpm.spec" > "$work/$name.spec"
rpmbuild -bb --quiet --define "_topdir $work/rpmbuild" --define "_build_id_links none" \
    --define "use_source_date_epoch_as_buildtime 1" --define "_buildhost localhost" "$work/$name.spec" \
    >"$work/log" 2>&1 || { cat "$work/log" >&2; exit 1; }
find "$work/rpmbuild/RPMS" -name '*.rpm' -exec cp {} "$out" \; -printf "$out/%f\n"
