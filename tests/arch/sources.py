"""The tree's C++ sources as text that the structure rules read. Standard library only.

A Source keeps a file's lines, its text without comments and string contents (line numbers kept), its
includes, and the extent of its functions. Nothing here judges.
"""

import dataclasses
import functools
import pathlib
import re

# The top-level folders that hold our code.
FOLDERS = ("bazel", "bench", "cli", "metrics", "server", "tests", "transport")

_NOT_OURS = ("bazel/floors/", "tests/arch/overlay/")

_COMMENT_OR_LITERAL = re.compile(
    r'//[^\n]*|/\*.*?\*/|R"(?P<tag>[^(]*)\(.*?\)(?P=tag)"|"(?:\\.|[^"\\\n])*"'
    r"|(?<![0-9a-zA-Z])'(?:\\.|[^'\\\n])*'",
    re.DOTALL,
)
_SCOPE = re.compile(r"\b(namespace|class|struct|union|enum)\b|^extern$")


def _blank(match):
    text = match.group(0)
    quotes = '""' if text[0] in "\"R'" else ""
    return quotes + "\n" * text.count("\n")


def strip_comments(text):
    """The text without comments and without what strings hold; line numbers stay."""
    return _COMMENT_OR_LITERAL.sub(_blank, text)


@dataclasses.dataclass(frozen=True)
class Function:
    """One function definition: its head on one line, and its lines from head to closing brace."""

    head: str
    first_line: int
    last_line: int

    @property
    def length(self):
        return self.last_line - self.first_line + 1


def _opens_function(head):
    """Whether a brace after this text, at namespace or class scope, opens a function's body."""
    plain = re.sub(r"\boperator\s*(?:\(\)|[^\s\w(]+)", "operator", head)
    before_arguments = plain.split("(", 1)[0]
    return "(" in plain and "=" not in before_arguments


def _kind(head, line):
    """What a brace at scope after `head` opens."""
    if re.search(r"\)\s*(noexcept\s*)?:(?!:)", head) and re.search(r"[\w>]\s*$", head):
        return "initializer"
    if _opens_function(head):
        return (" ".join(head.split()), line)
    return "scope" if _SCOPE.search(head.replace('""', "").strip()) else "inner"


def functions(code):
    """The functions of a text that strip_comments() made."""
    # Directives have braces of their own and are no part of a function's head.
    code = re.sub(r"^[ \t]*#(?:[^\n]*\\\n)*[^\n]*", "", code, flags=re.MULTILINE)
    found = []
    stack = []  # per open brace: "scope", "inner", "initializer", or a function's (head, line)
    head = ""
    head_line = line = 1
    for char in code:
        line += char == "\n"
        at_scope = all(kind == "scope" for kind in stack)
        if char == "{":
            stack.append(_kind(head, head_line) if at_scope else "inner")
        elif char == "}" and stack:
            kind = stack.pop()
            if isinstance(kind, tuple):
                found.append(Function(*kind, line))
            if kind == "initializer":
                head += "{}"
                continue
        if not at_scope or char in "{}":
            # What follows a brace at scope begins anew, but for a member's initializer.
            if char in "{}" and "initializer" not in stack:
                head = head if stack and stack[-1] == "inner" else ""
        elif char == ";":
            head = ""
        else:
            if not head.strip():
                head, head_line = "", line
            head += char
    return found


class Source:
    """One file of the tree; `path` is relative to the root."""

    def __init__(self, root, path):
        self.path = path
        self.text = (root / path).read_text(encoding="utf-8")

    @property
    def folder(self):
        return str(pathlib.PurePosixPath(self.path).parent)

    @functools.cached_property
    def lines(self):
        return self.text.splitlines()

    @functools.cached_property
    def code(self):
        return strip_comments(self.text)

    @functools.cached_property
    def own_includes(self):
        """Paths in quotes: ours, and generated code."""
        return re.findall(r'^\s*#\s*include\s*"([^"]+)"', self.text, re.MULTILINE)

    @functools.cached_property
    def angle_includes(self):
        """Paths in angle brackets: the standard library and third-party code."""
        return re.findall(r"^\s*#\s*include\s*<([^>]+)>", self.text, re.MULTILINE)


def sources(root, folders=FOLDERS, suffixes=(".cc", ".h")):
    """All sources below the given folders, in order; forbidden examples and shadow headers are none."""
    found = []
    for folder in folders:
        for path in sorted((root / folder).rglob("*")):
            relative = path.relative_to(root).as_posix()
            if path.suffix in suffixes and not relative.startswith(_NOT_OURS):
                found.append(Source(root, relative))
    return found
