# shellcheck shell=sh disable=SC2034
# What the tests of packages share. Sourced; sets $package, $work and $names.
set -eu
cd "$(dirname "$0")/../.."
package=$PWD/target/package
version=$(sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -n 1)
names=$(scripts/links.sh names)
families=$(scripts/links.sh families)
work=$(mktemp -d /tmp/packages.XXXXXX)
sim=
chroot=$(command -v chroot)
trap 'if [ -n "$sim" ]; then kill "$sim" 2>/dev/null || true; wait "$sim" 2>/dev/null || true; fi; umount -R "$work" 2>/dev/null || true; rm -rf "$work"' EXIT

fail() { echo "$(basename "$0"): $*" >&2; exit 1; }

# same FILE FILE WHAT: two lists are the same.
same() { diff -u "$1" "$2" >&2 || fail "$3"; }

# lines WORD...: sorted.
lines() { printf '%s\n' "$@" | LC_ALL=C sort; }

# tree DIR...: every file and link there, with its owner, rights and content.
tree() {
    {
        find "$@" \( -type f -o -type l \) -printf '%p %M %u %g %l\n' 2>/dev/null || true
        find "$@" -type f -exec md5sum {} + 2>/dev/null || true
    } | LC_ALL=C sort
}

# of_name NAME: what comes with an agent, or with fencing, under this name.
of_name() {
    echo "/usr/sbin/$1"
    echo "/usr/share/man/man8/$1.8.gz"
    echo "/usr/share/bash-completion/completions/$1"
}

# of_families [FAMILIES]: what comes with these families, of all where there is nothing.
of_families() {
    for name in $(scripts/links.sh names "${1-}"); do
        of_name "$name"
        echo "/usr/share/fence-agents-rs/metadata/$name.xml"
    done
    scripts/links.sh checks "${1-}" | while read -r name _; do echo "/usr/share/cluster/$name"; done
}

# documents MORE...: the licences and documents, by their names in /usr/share/doc/fence-agents-rs.
documents() {
    printf '%s\n' README.md SECURITY.md LICENSE-MIT LICENSE-APACHE third-party-licences.gz "$@"
    for file in docs/*.md docs/*/*.svg; do echo "$file"; done
}

# expect_files WHAT FILE: the files of standard input are those in a list.
expect_files() {
    LC_ALL=C sort > "$work/found"
    LC_ALL=C sort "$2" > "$work/wanted"
    same "$work/wanted" "$work/found" "the contents of $1 aren't what belongs there"
}

# expect_part PART MORE...: the files of standard input are what belongs into the package of this part, and documents of
# these names where that is "common".
expect_part() {
    part=$1
    shift
    case "$part" in
        common) documents "$@" | sed 's|^|/usr/share/doc/fence-agents-rs/|' ;;
        fencing) of_name fencing ;;
        *) of_families "$part" ;;
    esac > "$work/part"
    expect_files "$part" "$work/part"
}

# expect_all MORE...: the files of standard input are everything, with documents of these names.
expect_all() {
    { of_families; of_name fencing; documents "$@" | sed 's|^|/usr/share/doc/fence-agents-rs/|'; } > "$work/everything"
    expect_files "all packages" "$work/everything"
}

# expect_ours ROOT [FAMILIES]: every agent there is ours, under each name, and tells its metadata in an empty environment.
expect_ours() {
    for name in $(scripts/links.sh names "${2-}"); do
        echo action=metadata | env -i "$chroot" "$1" "/usr/sbin/$name" > "$work/printed" || fail "$name gives no metadata"
        cmp -s "$work/printed" "metadata/$name.xml" || fail "$name tells other metadata than metadata/$name.xml"
    done
}

# expect_listed ROOT NAME...: what Pacemaker takes for agents in the directory of a root are these. It finds by its own
# library what is installed, always in /usr/sbin.
expect_listed() {
    root_of_list=$1
    shift
    cp "$(command -v stonith_admin)" "$work/stonith_admin"
    # shellcheck disable=SC2016
    unshare --mount sh -c 'mount --bind "$1/usr/sbin" /usr/sbin && "$2/stonith_admin" --list-installed' sh "$root_of_list" "$work" \
        > "$work/printed" 2> "$work/log" || { cat "$work/log" >&2; fail "stonith_admin --list-installed"; }
    grep '^fence_' "$work/printed" | LC_ALL=C sort > "$work/found"
    lines "$@" > "$work/wanted"
    same "$work/wanted" "$work/found" "Pacemaker finds other agents than those that are installed"
}
