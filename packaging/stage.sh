# Sourced by the scripts that make packages: $name, $version, $release, $out, $work, the tree that all are made from (what
# "make install" puts there, and the licences of the libraries that are compiled in), and which package each file of it
# belongs to.
# shellcheck shell=sh disable=SC2034
set -eu
here=$(cd "$(dirname "$0")/.." && pwd)
name=fence-agents-rs
version=$(sed -n 's/^version = "\(.*\)"/\1/p' "$here/Cargo.toml" | head -n 1)
# Counts the changes to the packages of one version.
release=$version-2
# Earlier ones were one package, with everything in it.
first_of_families=0.1.0-2
# Packages of the same sources are the same to the byte.
epoch=${SOURCE_DATE_EPOCH:-$(git -C "$here" log -1 --format=%ct 2>/dev/null || date +%s)}
export SOURCE_DATE_EPOCH="$epoch"
out=$here/target/package
mkdir -p "$out"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

stage() {
    make --no-print-directory -s -C "$here" install DESTDIR="$1" PREFIX=/usr FAMILY=
    "$here/packaging/licences.sh" | gzip -9n > "$1/usr/share/doc/$name/third-party-licences.gz"
    find "$1" -exec touch -h -d "@$epoch" {} +
}

# What stands in a tree, without the directories.
contents() { (cd "$1" && find . ! -type d | sed 's|^\.||' | LC_ALL=C sort); }

# The packages beside the one that requires them all, each the end of a name: what all need, the program fencing, which is
# no agent, and the families.
families=$("$here/scripts/links.sh" families)
parts="common fencing $families"

# What the families have in common, as it stands in package's descriptions: title FAMILY.
title() { "$here/target/release/fencing" agents | sed -n "s/^\(.*\) (package $1)\$/\1/p"; }

# of_part ROOT PART: the files of a tree that belong into this package. They are told by their names.
of_part() {
    contents "$1" | awk -F '\t' -v part="$2" '
        NR == FNR { family[$1] = $3; next }
        {
            name = $0
            sub(/.*\//, "", name)
            sub(/\.(8\.gz|xml)$/, "", name)
            if (part == (name in family ? family[name] : name == "fencing" ? "fencing" : "common")) print
        }' "$here/metadata/agents.list" -
}

# programs ROOT: what is a program of ours in a tree, links aside.
programs() { (cd "$1" && find . -path './usr/*' -type f -perm /111 | sed 's|^\.||' | LC_ALL=C sort); }

# What the originals have in the same places, of a list of files.
contested() { grep -E "^/usr/(sbin|share/man/man8|share/cluster)/fence_" || true; }
