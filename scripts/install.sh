#!/bin/sh
# install.sh install|uninstall: what "make install" and "make uninstall" do. The Makefile names the directories, and in
# FAMILY the families to install (scripts/links.sh families); all where it is empty.
#
# Every regular file /usr/sbin/fence_* is an agent to a cluster, so an original that is in the way is kept elsewhere,
# under $KEPTDIR, and comes back from there.
set -eu
cd "$(dirname "$0")/.."

# Each name that is an agent.
names() { scripts/links.sh names "$FAMILY"; }

# The program for administrators, which is no agent: its name doesn't begin with fence_.
tool=fencing

# Programs that are no agents, with the agent that they are another name of.
checks() { scripts/links.sh checks "$FAMILY"; }

# Everything that the originals have in the same place.
contested() {
    names | while read -r name; do
        echo "$SBINDIR/$name"
        echo "$MANDIR/$name.8.gz"
    done
    checks | while read -r name _; do echo "$CLUSTERDIR/$name"; done
}

# Ours name the project, programs and man pages alike: the originals, scripts or not, know nothing of it.
is_original() {
    case "$1" in
        *.gz) [ -f "$1" ] && ! gzip -dc "$1" | grep -q 'fence-agents-rs ' ;;
        *) [ -f "$1" ] && ! grep -qF 'fence-agents-rs' "$1" ;;
    esac
}

is_kept() { [ -e "$DESTDIR$KEPTDIR$1" ] || [ -L "$DESTDIR$KEPTDIR$1" ]; }

# put_program AGENT DIR NAME: in one step, because a cluster may be about to run it.
put_program() {
    install -m 755 "$RELEASE/$1" "$2/.$3.new"
    mv -f "$2/.$3.new" "$2/$3"
}

do_install() {
    for family in $FAMILY; do
        scripts/links.sh families | grep -qxF "$family" || { echo "FAMILY: $family is none of: $(scripts/links.sh families | paste -sd ' ')" >&2; exit 1; }
    done
    for program in $(scripts/links.sh programs "$FAMILY") "$tool"; do
        [ -x "$RELEASE/$program" ] || { echo "nothing is built yet: run make build first" >&2; exit 1; }
    done
    contested | while read -r path; do
        if is_original "$DESTDIR$path"; then
            install -d "$DESTDIR$KEPTDIR$(dirname "$path")"
            cp -a "$DESTDIR$path" "$DESTDIR$KEPTDIR$path"
            echo "kept the original: $KEPTDIR$path"
        fi
    done
    install -d "$DESTDIR$SBINDIR" "$DESTDIR$MANDIR" "$DESTDIR$COMPLETIONS" "$DESTDIR$DOCDIR/docs" "$DESTDIR$DATADIR/metadata"
    scripts/links.sh programs "$FAMILY" | while read -r program; do put_program "$program" "$DESTDIR$SBINDIR" "$program"; done
    scripts/links.sh agents "$DESTDIR$SBINDIR" "$FAMILY"
    put_program "$tool" "$DESTDIR$SBINDIR" "$tool"
    checks | while read -r name agent; do
        # No links: SELinux gives these files a label of their own, by which the watchdog runs them in another domain.
        install -d "$DESTDIR$CLUSTERDIR"
        put_program "$agent" "$DESTDIR$CLUSTERDIR" "$name"
    done
    { names; echo "$tool"; } | while read -r name; do
        gzip -9nc "man/$name.8" > "$DESTDIR$MANDIR/$name.8.gz"
        chmod 644 "$DESTDIR$MANDIR/$name.8.gz"
        install -m 644 "completions/$name" "$DESTDIR$COMPLETIONS/$name"
    done
    names | while read -r name; do install -m 644 "metadata/$name.xml" "$DESTDIR$DATADIR/metadata"; done
    install -m 644 README.md CHANGELOG.md SECURITY.md LICENSE-MIT LICENSE-APACHE "$DESTDIR$DOCDIR"
    install -m 644 docs/*.md "$DESTDIR$DOCDIR/docs"
    for pictures in docs/*/; do
        install -d "$DESTDIR$DOCDIR/$pictures"
        install -m 644 "$pictures"*.svg "$DESTDIR$DOCDIR/$pictures"
    done
}

do_uninstall() {
    # Whatever families are there.
    FAMILY=
    # Ours first: whether a link is ours shows as long as it leads to one of our programs.
    contested | while read -r path; do
        if ! is_kept "$path" && ! is_original "$DESTDIR$path"; then
            rm -f "$DESTDIR$path"
        fi
    done
    contested | while read -r path; do
        if is_kept "$path"; then
            mv -f "$DESTDIR$KEPTDIR$path" "$DESTDIR$path"
            echo "back in place: $path"
        fi
    done
    { names; echo "$tool"; } | while read -r name; do rm -f "$DESTDIR$COMPLETIONS/$name"; done
    rm -f "$DESTDIR$SBINDIR/$tool" "$DESTDIR$MANDIR/$tool.8.gz"
    rm -rf "${DESTDIR:?}$DOCDIR" "${DESTDIR:?}$DATADIR"
    if [ -d "$DESTDIR$KEPTDIR" ]; then
        find "$DESTDIR$KEPTDIR" -depth -type d -empty -delete
    fi
    for directory in "$(dirname "$KEPTDIR")" "$(dirname "$DOCDIR")" "$(dirname "$DATADIR")" "$CLUSTERDIR" "$SBINDIR" "$MANDIR" "$COMPLETIONS"; do
        rmdir -p "$DESTDIR$directory" 2>/dev/null || true
    done
}

case "${1-}" in
    install) do_install ;;
    uninstall) do_uninstall ;;
    contested) contested ;;
    *) echo "usage: install.sh install|uninstall|contested" >&2; exit 2 ;;
esac
