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
_DIRECTED = frozenset(
    {"text", "search", "tel", "url", "email", "password", "hidden", "submit", "textarea"}
)
_COLOUR = re.compile("#[0-9a-fA-F]{6}")
_SIZE = re.compile(r"[ \t\n\f\r]*\+?([0-9]{1,9})")
_BUTTONS = frozenset({"submit", "image", "reset", "button"})


class File(Struct, frozen=True):
    """What a file control sends."""

    name: str = ""
    body: bytes = b""


Entry = tuple[str, str | File]


class Option(Struct, frozen=True):
    """One option of a select."""

    value: str
    label: str
    selected: bool
    disabled: bool


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

    def values(self, filled: Any = ..., *, shown: bool = False) -> Iterator[str | File]:
        """Yield what it sends; *filled* is what a program gave for its name, *shown* whether a radio button is on.

        Raises `ValueError` for what it can't hold.
        """
        if filled is None:
            return
        if self.kind in ("checkbox", "radio"):
            yield from self._ticked(filled, shown)
        elif self.kind == "select":
            yield from self._chosen(filled)
        elif self.kind == "file":
            several = "multiple" in self.attrs and isinstance(filled, list)
            yield from (_file(self.name, each) for each in (filled if several else [filled]))
        elif filled is not ...:
            yield _text(self.name, filled)
        else:
            yield self._own()

    def _own(self) -> str:
        """The value that the page has put in."""
        if self.kind == "textarea":
            return self._tree.raw_text(self.node)
        value = self._tree.input_value(self.node)
        if self.kind == "color":
            return value.lower() if _COLOUR.fullmatch(value) else "#000000"
        return value

    @property
    def value(self) -> str:
        """The value of a checkbox or radio button."""
        return self.attrs.get("value", "on")

    @property
    def ticked(self) -> bool:
        """Whether the page ticks it."""
        return "checked" in self.attrs

    def _ticked(self, filled: Any, shown: bool) -> Iterator[str]:
        ticked = shown if filled is ... else filled
        if isinstance(ticked, bool):
            if ticked:
                yield self.value
        elif self.value in map(str, ticked if isinstance(ticked, list | tuple) else [ticked]):
            yield self.value

    def direction(self) -> Entry | None:
        """The entry that tells the direction of its text, where the page asks for it (`dirname`)."""
        name = self.attrs.get("dirname", "") if self.kind in _DIRECTED else ""
        if not name:
            return None
        at, found = self.node, ""
        while at is not None and found not in ("ltr", "rtl"):
            found = (self._tree.attribute(at, "dir") or "").lower()
            at = self._tree.parent(at)
        return name, "rtl" if found == "rtl" else "ltr"

    def options(self) -> list[Option]:
        """The options, also those that can't be chosen."""
        return [self._option(node) for node in self._tree.select(self.node, "option")]

    def _option(self, node: Node) -> Option:
        attrs = self._tree.attributes(node)
        label = fold(self._tree.raw_text(node))
        above = self._tree.parent(node)
        shut = above is not None and self._tree.attribute(above, "disabled") is not None
        group = above is not None and self._tree.tag(above) == "optgroup"
        off = "disabled" in attrs or (group and shut)
        return Option(attrs.get("value", label), label, "selected" in attrs, off)

    def _chosen(self, filled: Any) -> Iterator[str]:
        options, several = self.options(), "multiple" in self.attrs
        if filled is ...:
            yield from (each.value for each in self._shown(options) if not each.disabled)
            return
        wanted = [
            _text(self.name, each)
            for each in (filled if isinstance(filled, list | tuple) else [filled])
        ]
        if len(wanted) > 1 and not several:
            raise ValueError(f"the form's field {self.name!r} takes one value")
        known = [each for each in options if not each.disabled]
        for text in wanted:
            found = next((each for each in known if text in (each.value, each.label)), None)
            if found is None:
                raise ValueError(_no_choice(self.name, text, [each.value for each in known]))
            yield found.value

    def _shown(self, options: list[Option]) -> list[Option]:
        """The options that are chosen when the page is shown: one, unless it is a list of several lines."""
        chosen = [each for each in options if each.selected]
        if "multiple" in self.attrs:
            return chosen
        lines = _SIZE.match(self.attrs.get("size", ""))
        if not chosen and (lines is None or int(lines[1]) <= 1):
            chosen = [each for each in options if not each.disabled][:1]
        return chosen[-1:]


def controls_of(tree: Tree, form: Node) -> list[Control]:
    """Return the controls of a form, in the order of the page: those that name it, and those that the parser gave it."""
    name = tree.attribute(form, "id")
    named = tree.select(tree.root, "form[id]") if name else []
    is_first = next((each == form for each in named if tree.attribute(each, "id") == name), False)
    found = []
    for node, owner in tree.controls(_CONTROLS):
        asked = tree.attribute(node, "form")
        if owner == form if asked is None else is_first and asked == name:
            found.append(Control(tree, node))
    return found


def field_names(controls: list[Control]) -> list[str]:
    """Return the names that can be filled in, each once, in the order of the page."""
    return list(dict.fromkeys(each.name for each in controls if each.name and not each.is_button))


def entries(
    controls: list[Control], filled: dict[str, Any], pressed: Control | None, charset: str
) -> list[Entry]:
    """Return the names and values that the form sends. Raises `ValueError` for what can't be filled in."""
    _check(controls, filled)
    found: list[Entry] = []
    turns: dict[str, int] = {}
    on = {each.name: each for each in controls if each.kind == "radio" and each.ticked}
    for control in controls:
        if control.disabled or (control.is_button and control is not pressed):
            continue
        if control.kind == "image":
            dot = f"{control.name}." if control.name else ""
            found += [(f"{dot}x", "0"), (f"{dot}y", "0")]
        elif control.name:
            given = _share(control, filled.get(control.name, ...), turns)
            shown = on.get(control.name) is control if control.kind == "radio" else control.ticked
            found += [(control.name, value) for value in control.values(given, shown=shown)]
            if control.kind == "hidden" and control.name.lower() == "_charset_" and given is ...:
                found[-1] = (control.name, charset)
            if direction := control.direction():
                found.append(direction)
    return found


def _share(control: Control, given: Any, turns: dict[str, int]) -> Any:
    """What a control gets of the values for its name: of a list, each text control gets the next one."""
    several = control.kind in ("checkbox", "radio", "select", "file")
    if several or not isinstance(given, list | tuple):
        return given
    turn = turns[control.name] = turns.get(control.name, -1) + 1
    return given[turn] if turn < len(given) else None


def _check(controls: list[Control], filled: dict[str, Any]) -> None:
    """Raise `ValueError` for a name that the form does not have or never sends, and for a value that can't be ticked."""
    names = field_names(controls)
    for name, value in filled.items():
        if name not in names:
            raise ValueError(
                f"the form has no field {name!r}; it has: {', '.join(names) or 'none'}"
            )
        named = [each for each in controls if each.name == name and not each.is_button]
        if value is not None and all(each.disabled for each in named):
            raise ValueError(
                f"the form's field {name!r} is disabled, and a browser does not send it; "
                "to send it as a script may do: page.link(URL, form={...})"
            )
        _check_ticks(name, value, named)


def _check_ticks(name: str, value: Any, named: list[Control]) -> None:
    ticks = [each.value for each in named if each.kind in ("checkbox", "radio")]
    if not ticks or value is None:
        return
    wanted = value if isinstance(value, list | tuple) else [value]
    radios = all(each.kind == "radio" for each in named)
    if radios and (len(wanted) > 1 or (value is True and len(ticks) > 1)):
        raise ValueError(f"the form's field {name!r} takes one of its values: {', '.join(ticks)}")
    for each in () if isinstance(value, bool) else wanted:
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
