"""Says which test shows which id of the catalogues; fails on an id with neither test nor waiver.

usage: check.py [--write]   --write renews docs/coverage.md
"""

import os
import re
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.realpath(__file__))))
IDS = os.path.join(ROOT, "tests", "coverage", "ids.txt")
TABLE = os.path.join(ROOT, "docs", "coverage.md")
CASE = re.compile(r"(?<![A-Za-z0-9])([OC])[-_]?(\d{3})(?!\d)")
BEHAVIOUR = re.compile(r"(?<![A-Za-z0-9-])([VFKIDLRGQBSTAYOJZ])(\d{1,2})(?!\d)")
CLIENT_GO = re.compile(r"(?<![A-Za-z0-9])(KG\d{1,2})(?!\d)")
# These letters also name other things (H2, X5, P2): only a comment, or a row, means the behaviour.
IN_COMMENT = re.compile(r"(?<![A-Za-z0-9-])([HXPNC])(\d{1,2})(?![A-Za-z0-9])")
ROW_NAME = re.compile(r'["_]([HXPNC])(\d{1,2})_')
MAX_SHOWN = 3

HEADER = """# Which test shows what

Made by `tests/coverage/check.py --write`; the test `//tests/coverage` fails when an id has neither a
test nor a waiver, and says so when this page is old. O-: hostile origins, paths, names and proxies; C-: hostile
callers; the others are behaviours of the pool, the reuse verdict, responses, time, cancelling, retry, HTTP/2
(H), TLS (X), proxies (P), the environment's proxies (N), redirects (C without a hyphen), cookie jars (J), content
codings (Z) and client-go (KG).

| id | what | shown by |
| --- | --- | --- |
"""


def read_ids():
    rows = []
    with open(IDS, encoding="utf-8") as lines:
        for number, line in enumerate(lines, 1):
            line = line.rstrip("\n")
            if not line or line.startswith("#"):
                continue
            parts = [part.strip() for part in line.split("|")]
            if len(parts) != 3 or not parts[0] or not parts[1]:
                sys.exit(f"{IDS}:{number}: want `id | title | waiver`")
            rows.append(parts)
    return rows


def test_sources():
    for folder, folders, files in os.walk(os.path.join(ROOT, "tests")):
        folders[:] = sorted(f for f in folders if f not in ("coverage", "corpus"))
        for name in sorted(files):
            if name.endswith((".rows", "_test.cc", "_cases.cc", "_fuzz.cc", "oracles.cc")):
                yield os.path.join(folder, name)


def ids_in(line):
    for letter, number in CASE.findall(line):
        yield f"{letter}-{number}"
    for letter, number in BEHAVIOUR.findall(line):
        yield letter + number
    yield from CLIENT_GO.findall(line)
    comment = line if line.startswith(("row ", "TEST")) else line.partition("//")[2]
    for letter, number in IN_COMMENT.findall(comment) + ROW_NAME.findall(line):
        yield letter + number


def find_tests():
    found = {}
    for path in test_sources():
        place = os.path.relpath(path, ROOT)
        rows = path.endswith(".rows")
        opening = not rows  # a file's opening comment names ranges of ids; only a test shows one
        with open(path, encoding="utf-8", errors="replace") as lines:
            for line in lines:
                opening = opening and not line.startswith("#include")
                if opening or (rows and not line.startswith("row ")):
                    continue
                for name in ids_in(line):
                    label = f"{place} {line.split()[1]}" if rows else place
                    places = found.setdefault(name, [])
                    if label not in places:
                        places.append(label)
    return found


def table(ids, found):
    lines = [HEADER]
    for name, title, waiver in ids:
        places = found.get(name, [])
        if places:
            shown = "; ".join(f"`{place}`" for place in places[:MAX_SHOWN])
            if len(places) > MAX_SHOWN:
                shown += f" and {len(places) - MAX_SHOWN} more"
        else:
            shown = f"not yet: {waiver}"
        lines.append(f"| {name} | {title} | {shown} |\n")
    return "".join(lines)


def main():
    ids = read_ids()
    found = find_tests()
    missing = [name for name, _, waiver in ids if name not in found and not waiver]
    text = table(ids, found)
    if sys.argv[1:] == ["--write"]:
        with open(TABLE, "w", encoding="utf-8") as page:
            page.write(text)
    covered = sum(1 for name, _, _ in ids if name in found)
    print(f"{len(ids)} ids, {covered} shown by tests, {len(ids) - covered - len(missing)} waived")
    for name in missing:
        print(f"no test and no waiver: {name}")
    known = {name for name, _, _ in ids}
    unknown = sorted({name for name in found if re.match(r"O-[0-3]\d\d$", name)} - known)
    for name in unknown:
        print(f"a test names an id that is not in the list: {name}")
    try:
        with open(TABLE, encoding="utf-8") as page:
            fresh = page.read() == text
    except FileNotFoundError:
        fresh = False
    if not fresh:
        print("docs/coverage.md is old: run tests/coverage/check.py --write")
    return 1 if missing or unknown else 0


if __name__ == "__main__":
    sys.exit(main())
