# Sourced by the scripts that make packages: $name, $version, $out, $work, and the tree that all are made from: what
# "make install" puts there, and the licences of the libraries that are compiled in.
# shellcheck shell=sh disable=SC2034
set -eu
here=$(cd "$(dirname "$0")/.." && pwd)
name=fence-agents-rs
version=$(sed -n 's/^version = "\(.*\)"/\1/p' "$here/Cargo.toml" | head -n 1)
# Packages of the same sources are the same to the byte.
epoch=${SOURCE_DATE_EPOCH:-$(git -C "$here" log -1 --format=%ct 2>/dev/null || date +%s)}
export SOURCE_DATE_EPOCH="$epoch"
out=$here/target/package
mkdir -p "$out"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

stage() {
    make --no-print-directory -s -C "$here" install DESTDIR="$1" PREFIX=/usr
    "$here/packaging/licences.sh" | gzip -9n > "$1/usr/share/doc/$name/third-party-licences.gz"
    find "$1" -exec touch -h -d "@$epoch" {} +
}

# What stands in a tree, without the directories.
contents() { (cd "$1" && find . ! -type d | sed 's|^\.||' | LC_ALL=C sort); }
