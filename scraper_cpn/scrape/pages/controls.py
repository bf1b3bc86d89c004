"""The controls of a form: which there are, what is in them, and what of that is sent.

Owns: the entry list of a form (HTML Standard, section 4.10.22.4), and how a program fills it in.
Must not know: how entries are encoded, where they are sent.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from msgspec import Struct

from scraper_cpn.scrape.pages.tree import Node, Tree, fold

_PASSWORD = re.compile(r"passw|pwd", re.IGNORECASE)
_CONTROLS = "input, select, textarea, button"
_SUBMITS = frozenset({"submit", "image"})
_BUTTONS = frozenset({"submit", "image", "reset", "button"})


class File(Struct, frozen=True):
    """What a file control sends."""

    name: str = ""
    body: bytes = b""


Entry = tuple[str, str | File]


class Control:
    """One control of a form, and what a program has filled in."""

    def __init__(self, tree: Tree, node: Node) -> None:
        self._tree = tree
        self.node = node
        self.attrs = tree.attributes(node)
        self.name = self.attrs.get("name", "")
        self.kind = self._kind()

    def _kind(self) -> str:
        tag = self._tree.tag(self.node)
        if tag in ("select", "textarea"):
            return tag
        kind = self.attrs.get("type", "").lower()
        if tag == "button":
            return kind if kind in ("reset", "button") else "submit"
        return kind or "text"

    @property
    def submits(self) -> bool:
        """Whether it is a button that sends the form."""
        return self.kind in _SUBMITS

    @property
    def is_password(self) -> bool:
        """Whether its value is a password, as far as its type and its name show."""
        return self.kind == "password" or bool(_PASSWORD.search(self.name))

    @property
    def is_button(self) -> bool:
        """Whether it is a button of any kind."""
        return self.kind in _BUTTONS

    @property
    def disabled(self) -> bool:
        """Whether nothing of it is ever sent: it, or a fieldset around it, is disabled, or it is in a datalist."""
        if "disabled" in self.attrs:
            return True
        inner, at = self.node, self._tree.parent(self.node)
        while at is not None:
            tag = self._tree.tag(at)
            if tag == "datalist":
                return True
            if tag == "fieldset" and self._tree.attribute(at, "disabled") is not None:
                legends = [
                    each for each in self._tree.children(at) if self._tree.tag(each) == "legend"
                ]
                if not legends or legends[0] != inner:
                    return True
            inner, at = at, self._tree.parent(at)
        return False

    @property
    def names(self) -> frozenset[str]:
        """Everything by which a program may name a button."""
        texts = [self.name, self.attrs.get("id", ""), self.attrs.get("value", "")]
        return frozenset({*texts, self._tree.text(self.node)} - {""})

    def values(self, filled: Any = ...) -> Iterator[str | File]:
        """Yield what it sends; *filled* is what a program gave for its name. Raises `ValueError` for what it can't hold."""
        if filled is None:
            return
        if self.kind in ("checkbox", "radio"):
            yield from self._ticked(filled)
        elif self.kind == "select":
            yield from self._chosen(filled)
        elif self.kind == "file":
            yield _file(self.name, filled)
        elif filled is not ...:
            yield _text(self.name, filled)
        elif self.kind == "textarea":
            yield self._tree.raw_text(self.node)
        else:
            yield self.attrs.get("value", "")

    @property
    def value(self) -> str:
        """The value of a checkbox or radio button."""
        return self.attrs.get("value", "on")

    def _ticked(self, filled: Any) -> Iterator[str]:
        ticked = "checked" in self.attrs if filled is ... else filled
        if isinstance(ticked, bool):
            if ticked:
                yield self.value
        elif self.value in map(str, ticked if isinstance(ticked, list | tuple) else [ticked]):
            yield self.value

    def options(self) -> list[tuple[str, str, bool]]:
        """Value, label and whether it is selected, of each option that can be chosen."""
        found = []
        for node in self._tree.select(self.node, "option"):
            attrs = self._tree.attributes(node)
            label = fold(self._tree.raw_text(node))
            above = self._tree.parent(node)
            shut = above is not None and self._tree.attribute(above, "disabled") is not None
            group = above is not None and self._tree.tag(above) == "optgroup"
            if "disabled" not in attrs and not (group and shut):
                found.append((attrs.get("value", label), label, "selected" in attrs))
        return found

    def _chosen(self, filled: Any) -> Iterator[str]:
        options, several = self.options(), "multiple" in self.attrs
        if filled is ...:
            chosen = [value for value, _, selected in options if selected]
            if not several:
                chosen = chosen[-1:] or [value for value, _, _ in options[:1]]
            yield from chosen
            return
        wanted = [
            _text(self.name, each)
            for each in (filled if isinstance(filled, list | tuple) else [filled])
        ]
        if len(wanted) > 1 and not several:
            raise ValueError(f"the form's field {self.name!r} takes one value")
        for each in wanted:
            found = next((value for value, label, _ in options if each in (value, label)), None)
            if found is None:
                raise ValueError(_no_choice(self.name, each, [value for value, _, _ in options]))
            yield found


def controls_of(tree: Tree, form: Node) -> list[Control]:
    """Return the controls of a form, in the order of the page: those inside of it, and those that name it."""
    name = tree.attribute(form, "id")
    found = tree.select(tree.root, _CONTROLS) if tree.root is not None else []
    return [Control(tree, node) for node in found if _owns(tree, form, name, node)]


def field_names(controls: list[Control]) -> list[str]:
    """Return the names that can be filled in, each once, in the order of the page."""
    return list(dict.fromkeys(each.name for each in controls if each.name and not each.is_button))


def _owns(tree: Tree, form: Node, name: str | None, node: Node) -> bool:
    asked = tree.attribute(node, "form")
    if asked is not None:
        return bool(asked) and asked == name
    at = tree.parent(node)
    while at is not None and tree.tag(at) != "form":
        at = tree.parent(at)
    return at is not None and at == form


def entries(
    controls: list[Control], filled: dict[str, Any], pressed: Control | None, charset: str
) -> list[Entry]:
    """Return the names and values that the form sends. Raises `ValueError` for what can't be filled in."""
    _check(controls, filled)
    found: list[Entry] = []
    turns: dict[str, int] = {}
    for control in controls:
        if control.disabled or (control.is_button and control is not pressed):
            continue
        if control.kind == "image":
            dot = f"{control.name}." if control.name else ""
            found += [(f"{dot}x", "0"), (f"{dot}y", "0")]
        elif control.name:
            given = _share(control, filled.get(control.name, ...), turns)
            found += [(control.name, value) for value in control.values(given)]
            if control.kind == "hidden" and control.name.lower() == "_charset_" and given is ...:
                found[-1] = (control.name, charset)
    return found


def _share(control: Control, given: Any, turns: dict[str, int]) -> Any:
    """What a control gets of the values for its name: of a list, each text control gets the next one."""
    several = control.kind in ("checkbox", "radio", "select", "file")
    if several or not isinstance(given, list | tuple):
        return given
    turn = turns[control.name] = turns.get(control.name, -1) + 1
    return given[turn] if turn < len(given) else None


def _check(controls: list[Control], filled: dict[str, Any]) -> None:
    """Raise `ValueError` for a name that the form does not have, and for a value that can't be ticked."""
    names = field_names(controls)
    for name, value in filled.items():
        if name not in names:
            raise ValueError(
                f"the form has no field {name!r}; it has: {', '.join(names) or 'none'}"
            )
        ticks = [
            each.value
            for each in controls
            if each.name == name and each.kind in ("checkbox", "radio")
        ]
        if ticks and not isinstance(value, bool) and value is not None:
            for each in value if isinstance(value, list | tuple) else [value]:
                if str(each) not in ticks:
                    raise ValueError(_no_choice(name, str(each), ticks))


def _no_choice(name: str, value: str, known: list[str]) -> str:
    return f"the form's field {name!r} has no choice {value!r:.50}; it has: {', '.join(known)}"


def _file(name: str, given: Any) -> File:
    if given is ...:
        return File()
    if (
        isinstance(given, tuple)
        and len(given) == 2
        and isinstance(given[0], str)
        and isinstance(given[1], bytes)
    ):
        return File(*given)
    raise ValueError(
        f"the form's field {name!r} sends a file; give a pair of its name and its bytes"
    )


def _text(name: str, given: Any) -> str:
    if isinstance(given, str | int | float) and not isinstance(given, bool):
        return str(given)
    raise ValueError(f"the form's field {name!r} takes a text, not {given!r:.50}")
