#!/bin/sh
# archive.sh: target/package/fence-agents-rs-VERSION-ARCH.tar.gz, from the built agents: a tree that works where there
# is nothing else, with the C library, its loader and whatever else the agents need in a directory of their own.
#
# They aren't linked statically: for a name to be looked up a static C library loads the modules that nsswitch.conf
# names (myhostname, resolve, sss) and with them the host's own C library, which works only where that is the same
# version. The loader brought along loads such a module where it fits, and passes over it where it doesn't.
set -eu
# shellcheck source=packaging/stage.sh
. "$(dirname "$0")/stage.sh"
lib=/usr/lib/$name/lib
root=$work/root
stage "$root"
mkdir -p "$root$lib"
doc=$root/usr/share/doc/$name/libraries
mkdir "$doc"

binaries=$(programs "$root" | sed "s|^|$root|")
# shellcheck disable=SC2086
ldd $binaries | awk '$2 == "=>" { print $3 } $1 ~ "^/.*ld-linux" { print $1 }' | LC_ALL=C sort -u > "$work/libraries"
while read -r library; do
    cp -L "$library" "$root$lib/"
    # The same file is /lib/x and /usr/lib/x, and its package knows one of them.
    path=${library#/}
    path=${path#usr/}
    owner=$({ dpkg-query -S "/$path" || dpkg-query -S "/usr/$path"; } 2>/dev/null | sed 's/: .*//')
    # shellcheck disable=SC2016
    dpkg-query -W -f '${source:Package} ${source:Version} ${binary:Package}\n' "$owner" >> "$work/owners"
done < "$work/libraries"
loader=$lib/$(basename "$(grep ld-linux "$work/libraries")")
for binary in $binaries; do
    # The old form of the search path, because it holds for the libraries' libraries too.
    patchelf --set-interpreter "$loader" --force-rpath --set-rpath "$lib" "$binary"
done

{
    echo "The libraries in $lib are Debian's, unchanged. Source package, its version, binary package:"
    echo
    LC_ALL=C sort -u "$work/owners"
    echo
    echo "Debian's servers have the sources, also of every earlier version: https://snapshot.debian.org/"
    echo "Their copyright and licences are in the files beside this one."
} > "$doc/README"
cut -d ' ' -f 3 "$work/owners" | LC_ALL=C sort -u | while read -r package; do
    cp -L "/usr/share/doc/${package%:*}/copyright" "$doc/${package%:*}"
done
for licence in GPL-3 GPL-2 LGPL-2.1 LGPL-3 GFDL-1.3; do
    if grep -q "common-licenses/$licence" "$doc"/*; then
        cp "/usr/share/common-licenses/$licence" "$doc/$licence"
    fi
done
find "$root" -exec touch -h -d "@$SOURCE_DATE_EPOCH" {} +

# Files only: unpacking at / must not change a directory that is there.
file=$out/$name-$version-$(uname -m).tar.gz
contents "$root" | sed 's|^/||' | tar -C "$root" --no-recursion --owner=0 --group=0 --numeric-owner -T - -cf - | gzip -9n > "$file"
echo "$file"
