#!/bin/sh
# What dnf and zypper make of the .rpm where others require the originals: with stand-ins that have the names and the
# relations of the distributions' packages, and no files. Nothing of them is unpacked, only what is installed is kept
# record of.
# shellcheck source=tests/packages/common.sh
. "$(dirname "$0")/common.sh"
all=$(ls "$package"/fence-agents-rs*-"$version"-*."$(uname -m)".rpm) || fail "the packages aren't built: run make rpm"
# file PART: the package of this part.
file() { ls "$package/fence-agents-rs-$1-$version"-[0-9]*."$(uname -m)".rpm; }
# What all of them are called, and those of a family alone.
# shellcheck disable=SC2086
ours="fence-agents-rs $(printf 'fence-agents-rs-%s ' common fencing $families)"

# stand_in REPOSITORY NAME VERSION LINES...: a package of no files with these lines in its description.
stand_in() {
    repository=$1 name=$2
    {
        printf 'Name: %s\nVersion: %s\nRelease: 1\nSummary: stand-in\nLicense: none\nBuildArch: noarch\n' "$name" "$3"
        shift 3
        for line in "$@"; do echo "$line"; done
        printf '%%description\nstand-in\n%%files\n'
    } > "$work/$name.spec"
    rpmbuild -bb --quiet --define "_topdir $work/rpmbuild" --define "_rpmdir $work/$repository" "$work/$name.spec" \
        >"$work/log" 2>&1 || { cat "$work/log" >&2; fail "rpmbuild $name"; }
}

# stand_in_with FILE REPOSITORY NAME VERSION: the same, with the lines of a file.
stand_in_with() {
    # The lines are arguments.
    (lines_from=$1; shift; IFS='
'; set -f; # shellcheck disable=SC2046
    stand_in "$@" $(cat "$lines_from"))
}

# The system's libraries, as far as the agents need them: a package that provides what ours requires.
system() {
    # shellcheck disable=SC2086
    rpm -qp --requires $all | sed -n '/^rpmlib/d; /^fence-agents-rs/d; s|^|Provides: |p' | sort -u > "$work/system"
    stand_in_with "$work/system" "$1" system 1
}

# Red Hat and its kin: a package for each agent, and an empty one that requires them all. vdsm is an oVirt host's.
# The original of an agent that is another name of one is in its package.
links=$(sed -n 's/.*<symlink name="\([^"]*\)".*/\1/p' metadata/*.xml)
split=amt
originals=
for name in $names; do
    case " $(echo "$links" | paste -sd ' ') " in *" $name "*) continue ;; esac
    agent=$(echo "${name#fence_}" | sed 's/_/-/g')
    # What is left out of these has a name of its own here.
    [ "$agent" != amt ] || continue
    split="$split $agent"
    originals="$originals fence-agents-$agent"
done
system redhat
stand_in redhat fence-agents-common 4.10.0
requires=
for agent in $split; do
    stand_in redhat "fence-agents-$agent" 4.10.0 "Requires: fence-agents-common = 4.10.0-1"
    requires="$requires fence-agents-$agent"
done
stand_in redhat fence-virt 4.10.0
stand_in redhat fence-agents-all 4.10.0 "Requires:$requires fence-virt" "Provides: fence-agents = 4.10.0-1" "Obsoletes: fence-agents < 3.1.13"
stand_in redhat vdsm 4.50 "Requires: fence-agents-all >= 4.2.1"
# shellcheck disable=SC2086
cp $all "$work/redhat"
createrepo_c --quiet "$work/redhat"

# SUSE 15: one package for all agents.
system suse
stand_in suse fence-agents 4.15.0
# shellcheck disable=SC2086
cp $all "$work/suse"
createrepo_c --quiet "$work/suse"

root=$work/root
begin() { rm -rf "$root"; mkdir -p "$root"; }
# Without its options, what a person types.
with_dnf() {
    dnf --assumeyes --quiet --installroot "$root" --releasever 9 --setopt reposdir=/dev/null --setopt tsflags=noscripts,justdb \
        --setopt "cachedir=$work/cache" --setopt "logdir=$work" --setopt keepcache=0 --setopt install_weak_deps=0 \
        --setopt clean_requirements_on_remove=1 --setopt gpgcheck=0 --repofrompath "redhat,$work/redhat" --repo redhat "$@" >"$work/log" 2>&1
}
do_dnf() { with_dnf "$@" || { cat "$work/log" >&2; fail "dnf $*"; }; }
with_zypper() {
    command=$1
    shift
    zypper --root "$root" --non-interactive --no-gpg-checks --quiet --plus-content none --reposd-dir "$work/reposd" \
        "$command" "$@" >"$work/log" 2>&1
}
# installed NAME...: exactly these are.
installed() {
    rpm --root "$root" --dbpath "$(database)" -qa --qf '%{NAME}\n' | grep -v '^system$' | LC_ALL=C sort > "$work/found"
    printf '%s\n' "$@" | LC_ALL=C sort > "$work/wanted"
    same "$work/wanted" "$work/found" "the installed packages aren't those that belong there"
}
# Debian's librpm has it in a home directory, where a package manager doesn't say otherwise.
database() { (cd "$root" && find . \( -name rpmdb.sqlite -o -name Packages \) -printf '/%P\n' | head -n 1 | sed 's|/[^/]*$||'); }

others="fence-agents-all fence-agents-amt fence-agents-common fence-virt"

# A host of oVirt: vdsm stays, and so do fence-agents-all and every agent that isn't ours.
begin
do_dnf install vdsm
# shellcheck disable=SC2086
installed vdsm $others $originals
# shellcheck disable=SC2086
do_dnf install --allowerasing $all
# shellcheck disable=SC2086
installed vdsm $others $ours
# Nothing of that is a leftover, an update brings no original back, and a role that wants fence-agents-all has it.
do_dnf autoremove
do_dnf upgrade
do_dnf install fence-agents-all fence-virt
# shellcheck disable=SC2086
installed vdsm $others $ours
# Back.
do_dnf swap --allowerasing 'fence-agents-rs-*' fence-agents-all
# shellcheck disable=SC2086
installed vdsm $others $originals

# From the one package of before, which had everything in it: an update brings all families.
begin
for original in $originals; do printf 'Provides: %s = %s\nConflicts: %s\n' "$original" "$version" "$original"; done > "$work/relations"
stand_in_with "$work/relations" before fence-agents-rs "$version"
do_dnf install "$(find "$work/before" -name '*.rpm')" vdsm
# shellcheck disable=SC2086
installed vdsm $others fence-agents-rs
do_dnf upgrade
# shellcheck disable=SC2086
installed vdsm $others $ours

# A node with some of them only.
begin
do_dnf install fence-agents-amt fence-agents-ipmilan
# shellcheck disable=SC2086
do_dnf install --allowerasing $all
# shellcheck disable=SC2086
installed fence-agents-amt fence-agents-common $ours
do_dnf swap --allowerasing 'fence-agents-rs-*' fence-agents-ipmilan
installed fence-agents-amt fence-agents-common fence-agents-ipmilan

# One family: its agents' package goes, and no other.
begin
do_dnf install vdsm
do_dnf install --allowerasing "$(file common)" "$(file ipmi)"
# shellcheck disable=SC2046,SC2086
installed vdsm $others $(lines $originals | grep -vx fence-agents-ipmilan) fence-agents-rs-common fence-agents-rs-ipmi
do_dnf swap --allowerasing 'fence-agents-rs-*' fence-agents-ipmilan
# shellcheck disable=SC2086
installed vdsm $others $originals

# A new node: ours first, then what wants fence-agents-all.
begin
# shellcheck disable=SC2086
do_dnf install $all
# shellcheck disable=SC2086
installed $ours
do_dnf install fence-agents-all fence-virt
# shellcheck disable=SC2086
installed $others $ours
do_dnf install vdsm
# shellcheck disable=SC2086
installed vdsm $others $ours
# One of the originals beside ours isn't possible.
if with_dnf install fence-agents-ipmilan; then fail "an original goes in beside ours"; fi

# SUSE 15: ours takes the place of the one package, and the other way round. zypper would want a shell for our script.
begin
mkdir "$work/reposd"
printf '[suse]\nbaseurl=dir://%s\nenabled=1\n' "$work/suse" > "$work/reposd/suse.repo"
with_zypper install fence-agents || { cat "$work/log" >&2; fail "zypper install fence-agents"; }
installed fence-agents
# shellcheck disable=SC2086
if with_zypper install --allow-unsigned-rpm $all; then fail "zypper lets fence-agents stand beside ours"; fi
# removed NAMES ARGUMENTS...: zypper would remove these packages, and no other.
removed() {
    # shellcheck disable=SC2086
    lines $1 > "$work/wanted"
    shift
    with_zypper install --dry-run --force-resolution "$@" || { cat "$work/log" >&2; fail "zypper install $*"; }
    sed -n '/going to be REMOVED:/,/^$/{ /:$/d; p }' "$work/log" | tr -s ' ' '\n' | sed '/^$/d' | LC_ALL=C sort > "$work/found"
    same "$work/wanted" "$work/found" "zypper install $*"
}
# shellcheck disable=SC2086
removed fence-agents --allow-unsigned-rpm $all
with_rpm() { rpm --root "$root" --dbpath "$(database)" --force-debian --justdb --noscripts --nodeps "$@"; }
with_rpm -e fence-agents
# shellcheck disable=SC2086
with_rpm -i $all
# shellcheck disable=SC2086
installed $ours
# shellcheck disable=SC2046
removed "fence-agents-rs $(for family in $families; do echo "fence-agents-rs-$family"; done | paste -sd ' ')" fence-agents
echo ".rpm: dnf keeps vdsm and fence-agents-all, and takes the agents' packages alone"
