# shellcheck shell=sh disable=SC2034
# What the tests of packages share. Sourced; sets $package, $work and $names.
set -eu
cd "$(dirname "$0")/../.."
package=$PWD/target/package
version=$(sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -n 1)
names=$(for file in metadata/*.xml; do basename "$file" .xml; done)
work=$(mktemp -d /tmp/packages.XXXXXX)
sim=
chroot=$(command -v chroot)
trap 'if [ -n "$sim" ]; then kill "$sim" 2>/dev/null || true; wait "$sim" 2>/dev/null || true; fi; umount -R "$work" 2>/dev/null || true; rm -rf "$work"' EXIT

fail() { echo "$(basename "$0"): $*" >&2; exit 1; }

# same FILE FILE WHAT: two lists are the same.
same() { diff -u "$1" "$2" >&2 || fail "$3"; }

# tree DIR...: every file and link there, with its owner, rights and content.
tree() {
    {
        find "$@" \( -type f -o -type l \) -printf '%p %M %u %g %l\n' 2>/dev/null || true
        find "$@" -type f -exec md5sum {} + 2>/dev/null || true
    } | LC_ALL=C sort
}

# expected: what a package has to hold, besides its licences and documents.
expected() {
    for name in $names; do
        echo "/usr/sbin/$name"
        echo "/usr/share/man/man8/$name.8.gz"
        echo "/usr/share/bash-completion/completions/$name"
        echo "/usr/share/fence-agents-rs/metadata/$name.xml"
    done
    scripts/links.sh checks | while read -r name _; do echo "/usr/share/cluster/$name"; done
    echo /usr/sbin/fencing
    echo /usr/share/man/man8/fencing.8.gz
    echo /usr/share/bash-completion/completions/fencing
}

# expect_contents: compares the list of files on standard input, of whatever package, with what belongs there.
expect_contents() {
    LC_ALL=C sort > "$work/all"
    grep -v '^/usr/share/doc/fence-agents-rs/\|^/usr/lib/fence-agents-rs/lib/' "$work/all" > "$work/found" || true
    expected | LC_ALL=C sort > "$work/wanted"
    same "$work/wanted" "$work/found" "the contents aren't what belongs there"
    grep -v '^/usr/share/doc/fence-agents-rs/libraries/' "$work/all" | sed -n 's|^/usr/share/doc/fence-agents-rs/||p' > "$work/found"
    {
        printf '%s\n' README.md SECURITY.md LICENSE-MIT LICENSE-APACHE third-party-licences.gz "$@"
        for file in docs/*.md docs/*/*.svg; do echo "$file"; done
    } | LC_ALL=C sort > "$work/wanted"
    same "$work/wanted" "$work/found" "the documents aren't those that belong there"
}

# expect_ours ROOT: every agent there is ours, under each name, and tells its metadata in an empty environment.
expect_ours() {
    for name in $names; do
        echo action=metadata | env -i "$chroot" "$1" "/usr/sbin/$name" > "$work/printed" || fail "$name gives no metadata"
        cmp -s "$work/printed" "metadata/$name.xml" || fail "$name tells other metadata than metadata/$name.xml"
    done
}
