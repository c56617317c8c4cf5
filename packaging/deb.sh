#!/bin/sh
# deb.sh: target/package/fence-agents-rs_VERSION_ARCH.deb, from the built agents.
set -eu
# shellcheck source=packaging/stage.sh
. "$(dirname "$0")/stage.sh"
arch=$(dpkg --print-architecture)
root=$work/root
stage "$root"
control=$root/DEBIAN
doc=$root/usr/share/doc/$name
mkdir "$control"

# Debian's policy wants these two under these names.
gzip -9n < "$doc/CHANGELOG.md" > "$doc/changelog.gz"
cat > "$doc/copyright" <<TEXT
Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/
Upstream-Name: $name

Files: *
Copyright: the authors of $name
License: MIT or Apache-2.0
 The texts are in LICENSE-MIT and LICENSE-APACHE beside this file; those of the libraries that are compiled in, in
 third-party-licences.gz.
TEXT
rm "$doc/CHANGELOG.md"
touch -d "@$SOURCE_DATE_EPOCH" "$doc/changelog.gz" "$doc/copyright"

# Which packages the shared libraries are in.
mkdir -p "$work/source/debian"
printf 'Source: %s\n\nPackage: %s\nArchitecture: any\n' "$name" "$name" > "$work/source/debian/control"
binaries=$(find "$root/usr/sbin" "$root/usr/share" -type f -perm /111)
# shellcheck disable=SC2086
depends=$(cd "$work/source" && dpkg-shlibdeps -O --ignore-missing-info $binaries 2>/dev/null | sed -n 's/^shlibs:Depends=//p')

cat > "$control/control" <<TEXT
Package: $name
Version: $version
Architecture: $arch
Maintainer: fence-agents-rs <noreply@localhost>
Section: admin
Priority: optional
Installed-Size: $(du -sk --exclude=DEBIAN "$root" | cut -f 1)
Depends: $depends
Enhances: pacemaker
Suggests: corosync, lvm2
Description: fence agents that replace those of fence-agents
 Programs that cut a failed cluster node off from its power or its storage,
 and prove it, for Pacemaker and others. They take the place of the agents of
 the same names in the package fence-agents, which may stay installed: its
 files are kept in /usr/lib/fence-agents-rs/diverted and come back when this
 package is removed.
TEXT
(cd "$root" && find . -type f ! -path './DEBIAN/*' -printf '%P\0' | LC_ALL=C sort -z | xargs -0 md5sum) > "$control/md5sums"

# What the originals have in the same place.
contested=$(contents "$root" | grep -E '^/usr/(sbin|share/man|share/cluster)/' | grep -v -e '^/usr/sbin/fencing$' -e '/fencing\.8\.gz$')
for script in preinst postinst postrm; do
    awk -v list="$contested" '/^@contested@$/ { print list; next } { print }' "$here/packaging/debian/$script" > "$control/$script"
    chmod 755 "$control/$script"
done
touch -d "@$SOURCE_DATE_EPOCH" "$control" "$control"/* "$root"
file=$out/${name}_${version}_$arch.deb
dpkg-deb --root-owner-group -Zxz --build "$root" "$file" >/dev/null
echo "$file"
