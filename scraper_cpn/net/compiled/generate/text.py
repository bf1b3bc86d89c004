"""Writing Python source: indented lines, and unused names.

Owns: both. People read the written source, too.
Must not know: nets.
"""

from __future__ import annotations

import builtins
import keyword
import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any


class Assignment(str):
    """A line that assigns variables of the frame, which its function has to declare."""

    __slots__ = ("names",)
    names: tuple[str, ...]


def assign(names: str | Sequence[str], how: str) -> Assignment:
    """The line that assigns variables of the frame: `assign("late", "= True")`, `assign("serial", "+= 1")`."""
    names = (names,) if isinstance(names, str) else tuple(names)
    line = Assignment(f"{' = '.join(names)} {how}")
    line.names = names
    return line


class Text:
    """Source under construction."""

    def __init__(self, depth: int = 0) -> None:
        self.lines: list[str] = []
        self._depth = depth
        self._assigned: dict[str, None] = {}

    @contextmanager
    def function(self, head: str) -> Iterator[None]:
        """Add a function; the variables of the frame that it assigns are declared at its top."""
        self.add(f"def {head}:")
        self._depth += 1
        self._assigned = {}
        at = len(self.lines)
        yield
        if self._assigned:
            self.lines.insert(at, "    " * self._depth + f"nonlocal {', '.join(self._assigned)}")
        if len(self.lines) == at:
            self.add("pass")
        self._depth -= 1
        self.add("")

    def add(self, *lines: str) -> None:
        """Add lines at the current depth; an empty line gets no indentation."""
        for line in lines:
            self.lines.append("    " * self._depth + line if line else "")
            if isinstance(line, Assignment):
                self._assigned.update(dict.fromkeys(line.names))

    @contextmanager
    def block(self, head: str) -> Iterator[None]:
        """Add *head*, with the lines of the block one level deeper, or `pass` if there are none."""
        self.add(head)
        self._depth += 1
        before = len(self.lines)
        yield
        if len(self.lines) == before:
            self.add("pass")
        self._depth -= 1


class Names:
    """Identifiers for the objects of a net, readable and different from each other.

    Args:
        taken: names that the generated source uses for itself, and what they stand for, or None.
    """

    def __init__(self, taken: dict[str, Any]) -> None:
        self._taken = {*taken, *keyword.kwlist, *dir(builtins)}
        self._names = {
            (name, id(thing)): name for name, thing in taken.items() if thing is not None
        }
        self.objects: dict[str, Any] = {}
        """The objects that were named with `of`, by their names in the source."""

    def free(self, wanted: str, prefixes: tuple[str, ...] = ()) -> str:
        """An unused identifier like *wanted*; it is also unused with each of the *prefixes*."""
        base = re.sub(r"\W", "_", wanted).strip("_") or "it"
        base = f"_{base}" if base[0].isdigit() else base
        name, number = base, 1
        while not self._taken.isdisjoint(prefix + name for prefix in ("", *prefixes)):
            number += 1
            name = f"{base}_{number}"
        self._taken.update(prefix + name for prefix in ("", *prefixes))
        return name

    def of(self, thing: Any, wanted: str) -> str:
        """The identifier of an object; the same one each time."""
        key = (wanted, id(thing))
        if key not in self._names:
            self._names[key] = self.free(wanted)
            self.objects[self._names[key]] = thing
        return self._names[key]

    def function(self, fn: Any) -> str:
        """The identifier of a function of the user."""
        name = getattr(fn, "__name__", "")
        return self.of(fn, "function" if "<" in name or not name else name)


BINARY_BITS = 64
"""The greatest number of transitions for which a mask is written in binary digits."""


def mask_text(mask: int) -> str:
    """The literal of a mask of transitions: binary for a small net, hexadecimal for a big one."""
    return f"{mask:#b}" if mask.bit_length() <= BINARY_BITS else f"{mask:#x}"


def attribute(owner: str, name: str) -> str:
    """The expression for a field or property."""
    plain = name.isidentifier() and not keyword.iskeyword(name)
    return f"{owner}.{name}" if plain else f"getattr({owner}, {name!r})"


def plain(text: str) -> str:
    """A name that is safe in a comment or a docstring: on one line, without quotes that end it."""
    return " ".join(text.split()).replace("\\", "/").replace('"', "'")


def tupled(parts: Iterable[str]) -> str:
    """The expression for a tuple."""
    listed = list(parts)
    return f"({listed[0]},)" if len(listed) == 1 else f"({', '.join(listed)})"


def refuse(text: Text, conditions: list[str], *answer: str) -> None:
    """Write an early return under any of some conditions."""
    if conditions:
        with text.block(f"if {' or '.join(conditions)}:"):
            text.add(*answer)
