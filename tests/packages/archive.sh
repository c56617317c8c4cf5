#!/bin/sh
# The archive in a root that holds nothing else: every agent runs there, and one fences by a host name.
# shellcheck source=tests/packages/common.sh
. "$(dirname "$0")/common.sh"
. scripts/machine.sh
archive=$package/fence-agents-rs-$version-$(uname -m).tar.gz
[ -f "$archive" ] || fail "$archive isn't built: run make archive"

if tar -tzf "$archive" | grep '/$'; then fail "a directory is among the contents: unpacking at / would change it"; fi
tar -tzf "$archive" | sed 's|^|/|' | grep -v '^/usr/lib/fence-agents-rs/lib/\|^/usr/share/doc/fence-agents-rs/libraries/' | expect_all CHANGELOG.md
# The other names of a program are links to it, beside it.
for name in $names; do
    program=$(awk -F '\t' -v name="$name" '$1 == name { print $2 }' metadata/agents.list)
    [ "$name" = "$program" ] || tar -tvzf "$archive" | grep -q " usr/sbin/$name -> $program\$" || fail "$name is no link to $program"
done
# Beside the agents: the libraries that they name and the loader, each with its licence, and nothing else.
tar -tzf "$archive" | sed -n 's|^usr/lib/fence-agents-rs/lib/||p' | LC_ALL=C sort > "$work/found"
root=$work/root
mkdir "$root"
tar -C "$root" -xzf "$archive"
lib=/usr/lib/fence-agents-rs/lib
for file in "$root"/usr/sbin/fence_* "$root$lib"/*; do
    readelf -d "$file" | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p'
    readelf -l "$file" | sed -n "s|.*interpreter: $lib/\(.*\)\]|\1|p"
done | LC_ALL=C sort -u > "$work/wanted"
same "$work/wanted" "$work/found" "the libraries aren't those that are needed"

expect_ours "$root"
# shellcheck disable=SC2086
expect_listed "$root" $names
for name in $names; do
    chroot "$root" "/usr/sbin/$name" --help | grep -q "^Usage: $name" || fail "$name --help"
done

# Names: none known, then one in /etc/hosts; then as Fedora has it, with modules that aren't there or don't fit.
port=$((20000 + $$ % 20000))
mkdir "$work/machine"
start_machine "$work/machine" "$port"
fence() {
    code=0
    printf 'action=%s\nip=bmc-of-node2\nipport=%s\nusername=admin\npassword=secret\npower_wait=0\nlogin_timeout=3\n' "$1" "$port" \
        | env -i "$chroot" "$root" /usr/sbin/fence_ipmilan > "$work/stdout" 2> "$work/stderr" || code=$?
}
fence status
[ "$code" = 1 ] || fail "a name that nobody knows: exit code $code"
grep -q "bmc-of-node2" "$work/stderr" || fail "the error doesn't name the host: $(cat "$work/stderr")"
mkdir -p "$root/etc" "$root/lib/x86_64-linux-gnu"
echo "127.0.0.1 localhost bmc-of-node2" > "$root/etc/hosts"
expect() {
    fence "$1"
    [ "$code $(cat "$work/stdout")" = "$2" ] || fail "$1: $code $(cat "$work/stdout" "$work/stderr")"
    [ "$(cat "$work/machine/power")" = "$3" ] || fail "$1: the machine's power is $(cat "$work/machine/power")"
}
expect off "0 Success: Powered OFF" 0
echo "hosts: myhostname resolve [!UNAVAIL=return] sss files dns" > "$root/etc/nsswitch.conf"
echo "of another C library" > "$root/lib/x86_64-linux-gnu/libnss_myhostname.so.2"
expect status "2 Status: OFF" 0
expect reboot "0 Success: Rebooted" 1

# Removed as docs/migrate.md says.
rm -r "${root:?}/etc" "${root:?}/lib"
tar -tzf "$archive" | (cd "$root" && xargs -d '\n' rm -f)
rm -rf "$root/usr/lib/fence-agents-rs" "$root/usr/share/fence-agents-rs" "$root/usr/share/doc/fence-agents-rs"
[ -z "$(find "$root" ! -type d)" ] || fail "left behind: $(find "$root" ! -type d)"
echo "archive: every agent runs in an empty root, and fence_ipmilan fences there by a host name"
