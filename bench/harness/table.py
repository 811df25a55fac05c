"""Tables and verdicts for a person at a terminal."""

import os
import statistics
import sys

_COLOUR = sys.stdout.isatty() and not os.environ.get("NO_COLOR")


def paint(text, code):
    return f"\033[{code}m{text}\033[0m" if _COLOUR else text


def bold(text):
    return paint(text, "1")


def rows(header, lines):
    """Prints columns: the first to the left, the others to the right."""
    widths = [max(len(line[i]) for line in [header, *lines]) for i in range(len(header))]

    def joined(line):
        cells = [line[0].ljust(widths[0])]
        cells += [cell.rjust(width) for cell, width in zip(line[1:], widths[1:])]
        return "  " + "   ".join(cells)

    print(bold(joined(header)))
    for line in lines:
        print(joined(line))
    print()


class Verdicts:
    """Figures against their targets."""

    def __init__(self):
        self._lines = []
        self.missed = 0
        self.figures = {}

    def add(self, what, figure, target, unit="", at_least=False):
        """A figure with a target (None: there is none)."""
        if target is None:
            verdict = ""
            bound = ""
        else:
            met = figure >= target if at_least else figure <= target
            self.missed += not met
            verdict = "met" if met else "MISSED"
            bound = f"{'>=' if at_least else '<='} {target:.2f}{unit}"
        self.figures[what] = figure
        self._lines.append((what, f"{figure:.2f}{unit}", bound, verdict))

    def print(self):
        rows(("", "figure", "target", ""), self._lines)


def median(values):
    return statistics.median(values)


def microseconds(value):
    return f"{value:.1f} us" if value < 1000 else f"{value / 1000:.2f} ms"


def size(value):
    for unit, scale in (("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)):
        if abs(value) >= scale:
            return f"{value / scale:.1f} {unit}"
    return f"{value:.0f} B"
