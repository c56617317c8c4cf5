#!/bin/sh
# deb.sh: target/package/fence-agents-rs*_RELEASE_ARCH.deb, from the built agents: one for each family, and one that
# requires them all.
set -eu
# shellcheck source=packaging/stage.sh
. "$(dirname "$0")/stage.sh"
arch=$(dpkg --print-architecture)
root=$work/root
stage "$root"
doc=$root/usr/share/doc/$name

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

# Which packages the shared libraries are in: libraries ROOT.
mkdir -p "$work/source/debian"
printf 'Source: %s\n\nPackage: %s\nArchitecture: any\n' "$name" "$name" > "$work/source/debian/control"
libraries() {
    # shellcheck disable=SC2046
    (cd "$work/source" && dpkg-shlibdeps -O --ignore-missing-info $(programs "$1" | sed "s|^|$1|") 2>/dev/null | sed -n 's/^shlibs:Depends=//p')
}

# of_family ROOT FAMILY: what the originals have in the same places, each with the package that takes it.
of_family() { of_part "$1" "$2" | contested | sed "s|\$| $name-$2|"; }

# build PACKAGE: the .deb of the tree $work/PACKAGE, with the fields of standard input, and what is contested in
# $work/contested.
build() {
    tree=$work/$1
    control=$tree/DEBIAN
    mkdir "$control"
    {
        cat <<TEXT
Package: $1
Source: $name
Version: $release
Architecture: $arch
Maintainer: fence-agents-rs <noreply@localhost>
Section: admin
Priority: optional
Installed-Size: $(du -sk --exclude=DEBIAN "$tree" | cut -f 1)
TEXT
        cat
    } > "$control/control"
    (cd "$tree" && find . -type f ! -path './DEBIAN/*' -printf '%P\0' | LC_ALL=C sort -z | xargs -0r md5sum) > "$control/md5sums"
    if [ -s "$work/contested" ]; then
        for script in preinst postinst postrm; do
            awk -v dir="$here/packaging/debian" -v list="$work/contested" -v package="$1" '
                function copy(file,  line) { while ((getline line < file) > 0) put(line); close(file) }
                function put(line) {
                    if (line == ". ./functions") copy(dir "/functions")
                    else if (line ~ /^ *# shellcheck/) return
                    else if (line == "@contested@") copy(list)
                    else { gsub(/@package@/, package, line); print line }
                }
                { put($0) }' "$here/packaging/debian/$script" > "$control/$script"
            chmod 755 "$control/$script"
        done
    fi
    find "$tree" -exec touch -h -d "@$SOURCE_DATE_EPOCH" {} +
    file=$out/${1}_${release}_$arch.deb
    dpkg-deb --root-owner-group -Zxz --build "$tree" "$file" >/dev/null
    echo "$file"
}

rm -f "$out/$name"*.deb
for part in $parts; do
    package=$name-$part
    mkdir -p "$work/$package/usr/share/doc"
    ln -s "$name" "$work/$package/usr/share/doc/$package"
    of_part "$root" "$part" | sed 's|^/||' | (cd "$root" && xargs cp -a --parents -t "$work/$package")
    of_family "$root" "$part" > "$work/contested"
    {
        # All files were in the package of all families once.
        echo "Breaks: $name (<< $first_of_families)"
        echo "Replaces: $name (<< $first_of_families)"
        case "$part" in
            common)
                echo "Suggests: corosync, lvm2"
                echo "Description: documents of fence agents that replace those of fence-agents"
                echo " What the packages fence-agents-rs-* have in common: documents and licences."
                ;;
            fencing)
                echo "Depends: $name-common (= $release), $(libraries "$work/$package")"
                echo "Enhances: pacemaker"
                echo "Description: looks after all the fence devices of a cluster at once"
                echo " The program fencing finds out by day whether the fence devices that a cluster has"
                echo " would work by night, and shows what the agents have recorded."
                ;;
            *)
                echo "Depends: $name-common (= $release), $(libraries "$work/$package")"
                echo "Suggests: $name-fencing"
                echo "Enhances: pacemaker"
                echo "Description: fence agents for $(title "$part")"
                cat <<TEXT
 Programs that cut a failed cluster node off from its power or its storage,
 and prove it, for Pacemaker and others. They take the place of the agents of
 the same names in the package fence-agents, which may stay installed: its
 files are kept in /usr/lib/fence-agents-rs/diverted and come back when this
 package is removed. The agents here:
TEXT
                "$here/scripts/links.sh" names "$part" | sed 's/^/  /'
                ;;
        esac
    } | build "$package"
done

mkdir "$work/$name"
for family in $families; do of_family "$root" "$family"; done > "$work/contested"
{
    echo "Depends: $(for part in $parts; do echo "$name-$part (= $release)"; done | paste -sd , | sed 's/,/, /g')"
    cat <<TEXT
Enhances: pacemaker
Description: fence agents that replace those of fence-agents, all of them
 This package is empty and brings the others: a package of agents for each
 kind of device, and the program fencing.
TEXT
} | build "$name"
