"""The Python source that executes a net, and running it.

Owns: `Source`, asking `generate/` for it, and having Python compile it.
Must not know: how a kernel is used.
"""

from __future__ import annotations

import linecache
import re
import zlib
from collections.abc import Callable, Mapping
from functools import lru_cache, partial
from types import CodeType
from typing import Any, NamedTuple, TypeAlias

from scraper_cpn.net.check import checked
from scraper_cpn.net.compiled.generate.machine import SHARED, plan_of, source_of
from scraper_cpn.net.compiled.generate.planned import Plan
from scraper_cpn.net.declare import Net
from scraper_cpn.net.shelf import Shelf

Build: TypeAlias = Callable[..., dict[str, Any]]
"""The function `build` of a generated source. Given a net, its transitions in order, a shelf, and a trace
where it traces, it gives the functions of a kernel."""

Builder: TypeAlias = Callable[["Source"], Build]
"""Runs a source; gives its function `build`."""

NESTED_LINES_MAX = 20_000
"""Lines of a source whose functions stay nested in `build`: about 300 transitions."""


class Source(NamedTuple):
    """The Python source that executes a net.

    Attributes:
        title: what to call it.
        text: the source, for people to read; the same for nets that differ in limits and functions alone.
        names: the objects of its free names.
    """

    title: str
    text: str
    names: Mapping[str, Any]


def source(net: Net, *, traced: bool = False) -> str:
    """The Python source that executes *net*, for people to read.

    Raises:
        NetError: the net can't work.
    """
    return generated(net, traced=traced).text


def compiling_plan(net: Net) -> Plan:
    """How *net* is compiled, as data that prints itself.

    It says how each place is kept, which joins there are, where each arc looks, and after what a transition is tried again.

    Raises:
        NetError: the net can't work.
    """
    return plan_of(checked(net))


def generated(
    net: Net,
    *,
    traced: bool = False,
    recorded: bool = False,
    printed: bool = False,
    divided: bool = False,
) -> Source:
    """The source that executes *net*, with the objects that it names.

    Args:
        net: is checked first.
        traced: whether it calls a trace with each event.
        recorded: whether it records changes.
        printed: whether paged sets have fingerprints of their keys, as with a shelf of one's own.
        divided: whether it is for kernels of partitions; all of them may share what is built of it.

    Raises:
        NetError: the net can't work.
    """
    text, objects = source_of(
        checked(net), traced=traced, recorded=recorded, printed=printed, divided=divided
    )
    return Source(f"net {net.name}", text, {**SHARED, **objects})


@lru_cache(maxsize=4)
def _code(text: str, name: str) -> CodeType:
    """The code of a source. A replay and a resume load one net again and again, and compiling is half of that."""
    return compile(text, name, "exec")


def in_python(found: Source) -> Build:
    """Have Python run a source as it is; tracebacks show its lines."""
    name = f"<{found.title} {zlib.crc32(found.text.encode()):08x}>"
    big = found.text.count("\n") > NESTED_LINES_MAX
    text = _unnested(found.text) if big else found.text
    linecache.cache[name] = (len(text), None, text.splitlines(keepends=True), name)
    code = _code(text, name)
    if big:
        return partial(_build_unnested, code, found.names)
    space: dict[str, Any] = dict(found.names)
    exec(code, space)  # noqa: S102  (our own, from checked data)
    build: Build = space["build"]
    return build


def _unnested(text: str) -> str:
    """A source with the functions of `build` at the level of the module, and its variables global.

    For each function that is nested in another one, Python's compiler copies the set of all names of the
    outer one: of a net of thousands of transitions, that would take minutes.
    """
    _, body = text.split("\ndef build(", 1)
    lines = [line.removeprefix("    ") for line in body.split("\n")[1:]]
    flat = [re.sub(r"^( +)nonlocal ", r"\1global ", line) for line in lines]
    at = max(number for number, line in enumerate(flat) if line == "return {")
    return "\n".join([*flat[:at], "PARTS = {", *flat[at + 1 :]])


def _build_unnested(
    code: CodeType, names: Mapping[str, Any], net: Net, transitions: Any, shelf: Shelf, **given: Any
) -> dict[str, Any]:
    """Return the functions of a source that was unnested: its variables are those of a module of its own."""
    space = {**names, "NET": net, "TRANSITIONS": transitions, "SHELF": shelf}
    space |= given
    exec(code, space)  # noqa: S102  (our own, from checked data)
    parts: dict[str, Any] = space["PARTS"]
    return parts
