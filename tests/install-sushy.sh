#!/bin/sh
# Installs sushy-emulator, OpenStack's Redfish emulator, for the tests: a virtual environment below the directory
# given, or below target/. Needs python3-venv, and python3-libvirt for libvirt's test driver, which is why the
# environment sees the system's packages. Does nothing where it is installed already.
set -eu
version=2.2.0
place=${1:-$(dirname "$0")/../target/peers}
mkdir -p "$place"
exec 9>"$place/sushy.lock"
flock 9
if ! "$place/sushy/bin/python" -c "
from importlib.metadata import version
assert version('sushy-tools') == '$version'" 2>/dev/null; then
    /usr/bin/python3 -m venv --clear --system-site-packages "$place/sushy" >&2
    "$place/sushy/bin/pip" install --quiet --disable-pip-version-check "sushy-tools==$version" >&2
fi
echo "$(cd "$place" && pwd)/sushy/bin/sushy-emulator"
