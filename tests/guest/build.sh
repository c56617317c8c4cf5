#!/bin/bash
# Builds the guest in which SCSI reservations are tested and prints the directory that holds it: `kernel`, a
# Linux kernel image, and `initramfs`, an uncompressed cpio archive. Nothing is installed on this machine:
# packages are downloaded with apt-get and unpacked.
#
#   build.sh CACHE_DIRECTORY
#
# The result is kept under a name made of the hash of the files in this directory: while none of them changes
# the call costs a few milliseconds and needs no network.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
cache=${1:?usage: build.sh CACHE_DIRECTORY}
mkdir -p "$cache"
cache=$(cd "$cache" && pwd)

# What the guest needs beyond what the kernel has built in; the modules these depend on are found below.
modules="virtio_pci virtio_console target_core_mod iscsi_target_mod iscsi_tcp sd_mod sg
         dm_mod dm_multipath dm_round_robin"
# Copied too, with what they depend on, but loaded by a test that wants them.
modules_on_demand="scsi_debug"
packages="busybox-static sg3-utils libsgutils2-1.46-2 open-iscsi libopeniscsiusr dmsetup libdevmapper1.02.1"
programs="usr/bin/sg_persist usr/bin/sg_turs usr/bin/sg_inq usr/bin/sg_reset sbin/iscsistart sbin/dmsetup"

hash=$(cd "$here" && sha256sum build.sh init lio node | sha256sum | cut -c1-16)
out=$cache/$hash
exec 9>"$cache/lock"
flock 9
if [ -s "$out/kernel" ] && [ -s "$out/initramfs" ]; then
    echo "$out"
    exit 0
fi

work=$(mktemp -d "$cache/build.XXXXXX")
trap 'rm -rf "$work"' EXIT
kernel() {
    apt-cache depends linux-image-cloud-amd64 2>/dev/null | sed -n 's/.*Depends: \(linux-image-[0-9].*\)/\1/p' | head -n 1
}
kernel_package=$(kernel)
if [ -z "$kernel_package" ]; then
    # A fresh machine has no lists of packages.
    apt-get -q update >&2 || true
    kernel_package=$(kernel)
fi
if [ -z "$kernel_package" ]; then
    echo "build.sh: apt knows no linux-image-cloud-amd64; run apt-get update as root" >&2
    exit 1
fi
mkdir -p "$cache/packages"
for package in $kernel_package $packages; do
    if ! compgen -G "$cache/packages/${package}_*.deb" >/dev/null; then
        (cd "$cache/packages" && apt-get -q -o APT::Sandbox::User=root download "$package" >&2)
    fi
    deb=$(compgen -G "$cache/packages/${package}_*.deb" | sort -V | tail -n 1)
    case $package in
        linux-image-*) dpkg -x "$deb" "$work/kernel" ;;
        *) dpkg -x "$deb" "$work/tools" ;;
    esac
done
busybox=$work/tools/bin/busybox
release=$(ls "$work/kernel/lib/modules")

root=$work/root
mkdir -p "$root"/{bin,sbin,usr/bin,usr/sbin,usr/lib,lib/modules,lib64,proc,sys,dev,run,tmp,etc/iscsi,root,nodes}
mkdir -p "$root"/var/target/{pr,alua} "$root/usr/share"
ln -s /run "$root/var/run"
echo 'root:x:0:0:root:/root:/bin/sh' >"$root/etc/passwd"
echo 'root:x:0:' >"$root/etc/group"
echo 'InitiatorName=iqn.2024-01.example:none' >"$root/etc/iscsi/initiatorname.iscsi"
cp "$busybox" "$root/bin/busybox"
install -m 755 "$here/init" "$root/init"
install -m 755 "$here/lio" "$here/node" "$root/bin/"

# Modules in an order in which each comes after those it depends on.
declare -A placed=()
place_module() {
    local name=${1//-/_} order=$2 file needed
    [ -z "${placed[$name]:-}" ] || return 0
    placed[$name]=1
    file=$(find "$work/kernel/lib/modules/$release/kernel" -name "$name.ko" -o -name "${name//_/-}.ko" | head -n 1)
    [ -n "$file" ] || return 0 # built into the kernel
    for needed in $(tr '\0' '\n' <"$file" | sed -n 's/^depends=//p' | tr , ' '); do
        place_module "$needed" "$order"
    done
    cp "$file" "$root/lib/modules/$name.ko"
    echo "$name" >>"$root/lib/modules/$order"
}
for module in $modules; do place_module "$module" at-start; done
for module in $modules_on_demand; do place_module "$module" on-demand; done

# Programs with the libraries they load: those unpacked above come first, the C library is this machine's.
unpacked=$work/tools/usr/lib/x86_64-linux-gnu:$work/tools/lib/x86_64-linux-gnu
for program in $programs; do
    install -m 755 "$work/tools/$program" "$root/usr/bin/"
    for library in $(LD_LIBRARY_PATH=$unpacked ldd "$work/tools/$program" | grep -o '/[^ ]*'); do
        target=${library#"$work/tools"}
        [ -e "$root$target" ] || install -D -m 755 "$library" "$root$target"
    done
done

(cd "$root" && find . | "$busybox" cpio -o -H newc >"$work/initramfs" 2>/dev/null)
rm -rf "$out"
mkdir "$work/out"
mv "$work/initramfs" "$work/out/"
mv "$work/kernel/boot/vmlinuz-$release" "$work/out/kernel"
mv "$work/out" "$out"
echo "$out"
