#!/bin/sh
# Installs asyncssh, a library for SSH servers in Python, for the tests: a virtual environment below the directory given, or
# below target/. Needs python3-venv. Does nothing where it is installed already.
set -eu
version=2.24.1
place=${1:-$(dirname "$0")/../target/peers}
mkdir -p "$place"
exec 9>"$place/asyncssh.lock"
flock 9
if ! "$place/asyncssh/bin/python" -c "
from importlib.metadata import version
assert version('asyncssh') == '$version'" 2>/dev/null; then
    /usr/bin/python3 -m venv --clear "$place/asyncssh" >&2
    "$place/asyncssh/bin/pip" install --quiet --disable-pip-version-check "asyncssh==$version" >&2
fi
echo "$(cd "$place" && pwd)/asyncssh/bin/python"
