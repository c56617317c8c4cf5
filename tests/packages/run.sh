#!/bin/sh
# Installs and removes the packages of target/package, each in a root of its own, and fences from the archive. Nothing
# of the machine is changed: everything happens in a mount namespace. Needs root, as dpkg does.
set -eu
cd "$(dirname "$0")/../.."
if [ "$(id -u)" != 0 ]; then
    command -v sudo >/dev/null || { echo "run as root: dpkg and rpm install as root only" >&2; exit 1; }
    exec sudo "$0" "$@"
fi
for test in by_hand deb rpm solver archive; do
    unshare --mount --propagation private "tests/packages/$test.sh"
done
