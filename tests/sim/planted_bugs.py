#!/usr/bin/env python3
"""Shows that the pool's simulator catches bugs.

Plants each bug of planted_bug_list.py into a copy of transport/pool, builds the simulator with it
and runs 1,000 seeds. Every bug must be caught, and the code as it is must not be. Prints a table
and fails when a bug survives.

    tests/sim/planted_bugs.py            all
    tests/sim/planted_bugs.py WORD...    those whose name holds a word

Needs g++, Boost's headers and Python's standard library. Nothing in the source tree is written.
"""

import concurrent.futures
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True  # the tree is only read
# Not resolved: among a test's runfiles the files are links into the source tree.
HERE = pathlib.Path(__file__).absolute().parent
ROOT = HERE.parents[1]
sys.path.insert(0, str(HERE))
from planted_bug_list import BUGS  # noqa: E402

SEEDS = 1000
SECONDS = 60  # a bug that makes the machine spin is caught by the clock
FLAGS = ["-std=c++20", "-O1", "-w"]
POOL = "transport/pool"
OTHERS = [
    "transport/base/check.cc",
    "transport/base/failure.cc",
    "tests/sim/pool_event.cc",
    "tests/sim/pool_model.cc",
    "tests/sim/pool_model_facts.cc",
    "tests/sim/pool_oracles.cc",
    "tests/sim/pool_oracles_after.cc",
    "tests/sim/pool_scenario.cc",
    "tests/sim/pool_simulator.cc",
    "tests/sim/pool_simulator_main.cc",
]


def pool_sources():
    return sorted(f"{POOL}/{path.name}" for path in (ROOT / POOL).glob("*.cc"))


def compile_source(source, out, overlay=None):
    """Compiles `source`; files of `overlay` come before those of the tree."""
    origin = overlay / source if overlay and (overlay / source).exists() else ROOT / source
    includes = [f"-I{overlay}"] if overlay else []
    target = out / (source.replace("/", "_") + ".o")
    subprocess.run(["g++", *FLAGS, *includes, f"-I{ROOT}", "-c", origin, "-o", target], check=True)
    return target


def link(objects, binary):
    subprocess.run(["g++", *objects, "-o", binary], check=True)


def simulate(binary):
    """What caught a bug and at which seed, or None."""
    try:
        run = subprocess.run([binary, f"--seeds={SEEDS}"], capture_output=True, text=True,
                             errors="replace", timeout=SECONDS)
    except subprocess.TimeoutExpired:
        return "it never ends", "?"
    if run.returncode == 0:
        return None
    found = re.search(r"^VIOLATION seed (\d+): (.*)$", run.stderr, re.MULTILINE)
    if not found:
        return f"exit code {run.returncode}", "?"
    by = found.group(2)
    check = re.search(r"check failed: (.*)", run.stderr)
    return (f"invariant: {check.group(1).strip()}" if check else by), found.group(1)


def plant(bug, overlay):
    """Writes the file with the bug in it under `overlay`; returns what to compile again."""
    name, file, before, after = bug
    text = (ROOT / POOL / file).read_text()
    if text.count(before) != 1:
        raise SystemExit(f"planted_bug_list.py is out of date: '{name}' fits {file} "
                         f"{text.count(before)} times")
    (overlay / POOL).mkdir(parents=True)
    (overlay / POOL / file).write_text(text.replace(before, after))
    return pool_sources() if file.endswith(".h") else [f"{POOL}/{file}"]


def try_bug(bug, index, sound, work):
    folder = work / f"bug{index}"
    folder.mkdir()
    changed = plant(bug, folder / "overlay")
    objects = dict(sound)
    for source in changed:
        try:
            objects[source] = compile_source(source, folder, folder / "overlay")
        except subprocess.CalledProcessError:
            raise SystemExit(f"planted_bug_list.py: '{bug[0]}' does not compile") from None
    link(objects.values(), folder / "simulator")
    caught = simulate(folder / "simulator")
    shutil.rmtree(folder)
    return bug[0], caught


def main(words):
    bugs = [bug for bug in BUGS if not words or any(word in bug[0] for word in words)]
    workers = os.cpu_count() or 1
    with tempfile.TemporaryDirectory() as folder, \
            concurrent.futures.ThreadPoolExecutor(workers) as threads:
        work = pathlib.Path(folder)
        sources = pool_sources() + OTHERS
        sound = dict(zip(sources, threads.map(lambda s: compile_source(s, work), sources)))
        link(sound.values(), work / "simulator")
        if caught := simulate(work / "simulator"):
            print(f"without any bug planted: {caught[0]} (seed {caught[1]})")
            return 1
        width = max(len(bug[0]) for bug in bugs)
        print(f"{'bug':{width}}  {'seed':>4}  caught by", flush=True)
        survivors = 0
        for name, caught in threads.map(lambda job: try_bug(job[1], job[0], sound, work),
                                        enumerate(bugs)):
            by, seed = caught or ("SURVIVED", "-")
            survivors += caught is None
            print(f"{name:{width}}  {seed:>4}  {by}", flush=True)
    print(f"{len(bugs)} bugs planted, {len(bugs) - survivors} caught within {SEEDS} seeds")
    return 1 if survivors else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
