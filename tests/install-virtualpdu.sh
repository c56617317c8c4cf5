#!/bin/sh
# Installs virtualpdu, OpenStack's simulator of power units, for the tests: a virtual environment below the directory
# given, or below target/. Needs python3-venv, and python3-libvirt, which virtualpdu imports, which is why the environment
# sees the system's packages. Does nothing where it is installed already. What virtualpdu needs is older than what it asks
# for: pysnmp without its carrier for asyncore, and pyasn1 without its compatible octets, don't go with it.
set -eu
version=2.2.0
place=${1:-$(dirname "$0")/../target/peers}
mkdir -p "$place"
exec 9>"$place/virtualpdu.lock"
flock 9
if ! "$place/virtualpdu/bin/python" -c "
from importlib.metadata import version
import virtualpdu.pdu.pysnmp_handler
assert version('virtualpdu') == '$version'" 2>/dev/null; then
    /usr/bin/python3 -m venv --clear --system-site-packages "$place/virtualpdu" >&2
    "$place/virtualpdu/bin/pip" install --quiet --disable-pip-version-check "virtualpdu==$version" \
        'pysnmp-lextudio==5.0.34' 'pyasn1==0.6.0' 'pyasn1-modules==0.4.0' pbr setuptools >&2
fi
echo "$(cd "$place" && pwd)/virtualpdu/bin/python"
