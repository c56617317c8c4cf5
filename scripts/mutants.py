#!/usr/bin/env python3
"""mutants.py: breaks the code in the ways of tests/mutants.toml, one at a time, and sees whether a test notices.

    scripts/mutants.py              all of them
    scripts/mutants.py --only WORD  those with this word in their file, test or text; several: --only engine --only pins
    scripts/mutants.py --list       their names

A row says what is replaced by what in which file, and which test is to fail then. It has to fit: text that isn't in the
file exactly once, a mutant that doesn't build, and a test that fails without it or runs nothing are faults of the table. A
row that no test notices says why ("survives").
Everything happens in a copy of the tree with a target directory of its own, below target/mutants; both are kept, so
that the next run builds only what has changed. Needs Python 3.11.
"""

import argparse
import fcntl
import json
import os
import pathlib
import re
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import tomllib

ROOT = pathlib.Path(__file__).resolve().parent.parent
TABLE = ROOT / "tests" / "mutants.toml"
PLACE = ROOT / "target" / "mutants"
TREE = PLACE / "tree"

# How long a test may take that doesn't say otherwise, in seconds: one that hangs has noticed.
LIMIT = 120
# How long a build may take.
BUILD_LIMIT = 1800

CAUGHT, SURVIVED, EXPLAINED = "caught", "survived", "explained"
# What is wrong with a row, and not with a test.
UNFIT, UNBUILT, UNSOUND = "doesn't apply", "doesn't build", "no sound test"


def rows():
    """The table, each row checked for what it has to say."""
    with TABLE.open("rb") as file:
        table = tomllib.load(file)["mutant"]
    for row in table:
        missing = {"what", "file", "from", "to", "test", "filter"} - row.keys()
        unknown = row.keys() - {"what", "file", "from", "to", "test", "filter", "limit", "survives"}
        if missing or unknown:
            sys.exit(f"{TABLE}: {row.get('what', row)}: missing {sorted(missing)}, unknown {sorted(unknown)}")
    return table


def sync():
    """Brings the copy up to date, without touching what is the same already: cargo goes by the times of files."""
    listed = subprocess.run(["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"], cwd=ROOT,
                            check=True, stdout=subprocess.PIPE).stdout.decode().split("\0")
    wanted = {name for name in listed if name and (ROOT / name).is_file()}
    for name in wanted:
        source, target = ROOT / name, TREE / name
        if target.is_symlink() or target.is_file():
            if not source.is_symlink() and target.read_bytes() == source.read_bytes():
                continue
            target.unlink()
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(source, target, follow_symlinks=False)
    for path in list(TREE.rglob("*")):
        if (path.is_file() or path.is_symlink()) and str(path.relative_to(TREE)) not in wanted:
            path.unlink()


def environment():
    env = dict(os.environ, CARGO_TARGET_DIR=str(PLACE / "build"), CARGO_INCREMENTAL="1", CARGO_PROFILE_DEV_DEBUG="none",
               RUST_BACKTRACE="0", RUST_TEST_THREADS="8")
    env.pop("FENCE_AGENTS_DIR", None)
    return env


def run(command, limit):
    """The exit code and what was printed; the code is None where the time was over. Nothing that it started is left."""
    with tempfile.TemporaryFile() as printed:
        process = subprocess.Popen(command, cwd=TREE, env=environment(), stdout=printed, stderr=subprocess.STDOUT,
                                   stdin=subprocess.DEVNULL, start_new_session=True)
        ended = os.pidfd_open(process.pid)
        try:
            in_time = bool(select.select([ended], [], [], limit)[0])
        finally:
            # Before it is reaped: until then its number is nobody else's.
            os.killpg(process.pid, signal.SIGKILL)
            os.close(ended)
            process.wait()
        printed.seek(0)
        return (process.returncode if in_time else None), printed.read().decode(errors="replace")


def build(test):
    """Builds a test, and what it runs: the program, or None with what the compiler said."""
    which = ["--lib"] if test == "lib" else ["--test", test]
    code, printed = run(["cargo", "test", "--locked", "--no-run", "--message-format=json", *which], BUILD_LIMIT)
    program = None
    for line in printed.splitlines():
        if line.startswith("{"):
            message = json.loads(line)
            if message.get("executable") and message.get("profile", {}).get("test"):
                program = message["executable"]
    return (program if code == 0 else None), printed


def judge(program, row):
    """Whether the test passes: its exit code, and how many it ran."""
    filters = row["filter"] if isinstance(row["filter"], list) else [row["filter"]]
    code, printed = run([program, *filters], row.get("limit", LIMIT))
    ran = sum(int(number) for number in re.findall(r"^running (\d+) test", printed, re.MULTILINE))
    return code, ran, printed


def sound(row, programs, known):
    """Whether the row's test passes without a mutant. Asked once for each."""
    key = json.dumps([row["test"], row["filter"]])
    if key not in known:
        program = programs.get(row["test"])
        if program is None:
            known[key] = "it isn't built"
        else:
            code, ran, printed = judge(program, row)
            known[key] = None if code == 0 and ran else "it runs nothing" if code == 0 else f"it fails without the mutant:\n{printed}"
    return known[key]


def attempt(row):
    """Applies a row, and takes it back: the verdict, and what was printed."""
    path = TREE / row["file"]
    original = path.read_text()
    path.write_text(original.replace(row["from"], row["to"]))
    try:
        program, printed = build(row["test"])
        if program is None:
            said = [json.loads(line) for line in printed.splitlines() if line.startswith("{")]
            errors = [entry["message"]["rendered"] for entry in said
                      if entry.get("reason") == "compiler-message" and entry["message"]["level"] == "error"]
            return UNBUILT, "\n".join(errors) or printed
        code, _, printed = judge(program, row)
        return (SURVIVED if code == 0 else CAUGHT), printed
    finally:
        path.write_text(original)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", action="append", metavar="WORD", default=[])
    parser.add_argument("--list", action="store_true")
    arguments = parser.parse_args()
    table = rows()
    if arguments.only:
        table = [row for row in table
                 if any(word in f"{row['file']} {row['test']} {row['what']}" for word in arguments.only)]
    if arguments.list:
        print("\n".join(f"{row['file']}: {row['what']}" for row in table))
        return 0

    PLACE.mkdir(parents=True, exist_ok=True)
    TREE.mkdir(exist_ok=True)
    lock = (PLACE / "lock").open("w")
    fcntl.flock(lock, fcntl.LOCK_EX)
    sync()
    results = []

    def tell(row, verdict, seconds, said=""):
        results.append((row, verdict))
        print(f"{verdict:<15} {seconds:5.0f} s  {row['file']}: {row['what']}", flush=True)
        if verdict in (UNBUILT, UNSOUND, UNFIT) and said:
            print("    " + said.strip().replace("\n", "\n    "), flush=True)

    fit = []
    for row in table:
        path = TREE / row["file"]
        count = path.read_text().count(row["from"]) if path.is_file() else 0
        if count == 1 and row["from"] != row["to"]:
            fit.append(row)
        else:
            tell(row, UNFIT, 0, f"the text is there {count} times: {row['from']}")
    # Those of one test after each other, and of one file: the least is built anew.
    fit.sort(key=lambda row: (row["test"], row["file"]))
    programs, known = {}, {}
    for test in dict.fromkeys(row["test"] for row in fit):
        programs[test], printed = build(test)
        if programs[test] is None:
            print(f"the test {test} doesn't build:\n{printed}", file=sys.stderr)
        for row in [row for row in fit if row["test"] == test]:
            sound(row, programs, known)
    for row in fit:
        why = sound(row, programs, known)
        if why:
            tell(row, UNSOUND, 0, why)
            continue
        started = time.monotonic()
        verdict, said = attempt(row)
        if "survives" in row:
            # Written down as one that no test notices, and why.
            verdict = {SURVIVED: EXPLAINED, CAUGHT: UNSOUND}.get(verdict, verdict)
            said = said if verdict != UNSOUND else "it is caught, and the table says that it survives"
        tell(row, verdict, time.monotonic() - started, said)

    counts = {verdict: sum(1 for _, its in results if its == verdict)
              for verdict in (CAUGHT, EXPLAINED, SURVIVED, UNFIT, UNBUILT, UNSOUND)}
    print(", ".join(f"{number} {verdict}" for verdict, number in counts.items() if number or verdict == CAUGHT))
    return 0 if counts[CAUGHT] + counts[EXPLAINED] == len(results) and results else 1


if __name__ == "__main__":
    sys.exit(main())
