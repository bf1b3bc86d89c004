"""Places that remember: machine code finds every attribute that Python finds, and no other."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from importlib.machinery import EXTENSION_SUFFIXES, ExtensionFileLoader
from importlib.util import module_from_spec, spec_from_file_location
from types import SimpleNamespace
from typing import Any

import pytest
from msgspec import Struct

from scraper_cpn.native.attributes import remembering
from scraper_cpn.native.building import built

SOURCE = """
from __future__ import annotations

def read(owner):
    return owner.one

def write(owner, value):
    owner.one = value
    return owner.one

def add(owner, value):
    owner.one += value
    return owner.one

def add_inside(owner, value):
    owner.inner.one += value
    return owner.inner.one

def read_inside(owner):
    return owner.inner.one

def both(owner, value):
    owner.one = owner.two = value
    owner.one, owner.two = owner.two, owner.one
    return owner.one, owner.two

def named(owner):
    one = owner.one
    return owner.method(one, more=one)

def delete(owner):
    del owner.one
    return hasattr(owner, "one")

class Private:
    __slots__ = ("__one",)

    def __init__(self):
        self.__one = 1
        self.__one += 1

    def one(self):
        return self.__one

def private(_):
    return Private().one()
"""


class Slots:
    __slots__ = ("one", "two")

    def __init__(self, one: Any, two: Any = 2) -> None:
        self.one = one
        self.two = two

    def method(self, one: Any, more: Any) -> Any:
        return one, more


class Turned:
    """The same names elsewhere."""

    __slots__ = ("two", "one")  # noqa: RUF023  (the order is the point)

    def __init__(self, one: Any) -> None:
        self.two = "other"
        self.one = one


class Heir(Slots):
    """Has slots of its own, and a dictionary."""


class Unset:
    __slots__ = ("one",)


class Fields(Struct):
    one: Any
    two: Any = 2


class Frozen(Struct, frozen=True):
    one: Any


class Asked:
    def __getattr__(self, name: str) -> str:
        return f"asked for {name}"


class Computed:
    def __init__(self) -> None:
        self.set: list[Any] = []

    @property
    def one(self) -> Any:
        return ["computed", *self.set]

    @one.setter
    def one(self, value: Any) -> None:
        self.set.append(value)


class Refusing:
    """Looks like a slot, and is not to be had."""

    __slots__ = ("one",)

    def __init__(self) -> None:
        object.__setattr__(self, "one", 1)

    def __getattribute__(self, name: str) -> Any:
        raise AttributeError(f"no {name}")

    def __setattr__(self, name: str, value: Any) -> None:
        raise AttributeError(f"{name} is not to be set")


def outer(inner: Any) -> SimpleNamespace:
    return SimpleNamespace(inner=inner)


OWNERS: dict[str, Callable[[], Any]] = {
    "slots": lambda: Slots(1),
    "the same names elsewhere": lambda: Turned(1),
    "an heir of slots": lambda: Heir(1),
    "a slot that is not set": Unset,
    "a struct": lambda: Fields(1),
    "a frozen struct": lambda: Frozen(1),
    "a dictionary": lambda: SimpleNamespace(one=1, two=2),
    "a function that is asked": Asked,
    "a property": Computed,
    "all refused": Refusing,
    "nothing": object,
    "none": lambda: None,
    "slots inside": lambda: outer(Slots(1)),
    "a struct inside": lambda: outer(Fields(1)),
}
CALLS: dict[str, Callable[[Any], Any]] = {
    "read": lambda module: module.read,
    "write": lambda module: lambda owner: module.write(owner, [5]),
    "add": lambda module: lambda owner: module.add(owner, 10**30),
    "add_inside": lambda module: lambda owner: module.add_inside(owner, 1),
    "read_inside": lambda module: module.read_inside,
    "both": lambda module: lambda owner: module.both(owner, "both"),
    "named": lambda module: module.named,
    "delete": lambda module: module.delete,
    "private": lambda module: module.private,
}


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """The source as machine code."""
    path = tmp_path_factory.mktemp("built") / f"places{EXTENSION_SUFFIXES[0]}"
    built(SOURCE, path)
    spec = spec_from_file_location("places", path, loader=ExtensionFileLoader("places", str(path)))
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def python() -> Any:
    """The source as it is."""
    space: dict[str, Any] = {}
    exec(SOURCE, space)
    return SimpleNamespace(**space)


def outcome(call: Callable[[Any], Any], owner: Any) -> Any:
    """What a call gives, and what it leaves."""
    try:
        given = call(owner)
    except (AttributeError, TypeError) as error:
        given = f"refused: {error}"
    return given, [getattr(owner, name, None) for name in ("one", "two")]


@pytest.mark.slow
@pytest.mark.parametrize("name", CALLS)
def test_every_owner_has_what_python_finds(machine: Any, python: Any, name: str) -> None:
    """Whatever a place has met before, it gives, sets and refuses what Python does, also in its words."""
    call, wanted = CALLS[name](machine), CALLS[name](python)
    for turn in range(3):
        for told, owner in OWNERS.items():
            for _ in range(1 + 2 * turn):
                assert outcome(call, owner()) == outcome(wanted, owner()), told


@pytest.mark.slow
def test_a_type_that_is_changed_is_asked_again(machine: Any) -> None:
    """A place does not remember longer than what it remembers is true."""

    class Changing:
        __slots__ = ("one",)

    owner: Any = Changing()
    owner.one = "slot"
    assert [machine.read(owner) for _ in range(3)] == ["slot"] * 3
    setattr(Changing, "one", property(lambda _: "changed"))  # noqa: B010  (mypy knows no such slot)
    assert machine.read(owner) == "changed"
    with pytest.raises(AttributeError):
        machine.write(owner, 1)


@pytest.mark.slow
def test_what_is_replaced_is_let_go(machine: Any) -> None:
    """A write keeps neither what was there nor one reference too many to what comes."""
    gone: list[str] = []

    class Value:
        def __del__(self) -> None:
            gone.append("gone")

    owner = Slots(Value())
    for count in range(5):
        machine.write(owner, Value())
        assert len(gone) == count + 1
    del owner
    assert len(gone) == 6


def test_which_places_remember() -> None:
    """Each has a number of its own; methods, private names and several targets stay as they are."""
    made = remembering("a.b = c.d\ne.f()\ng.__h = i.__j\nk.l, m.n = 1, 2\no.p.q = 3\n")
    assert made.text.splitlines() == [
        "_attribute_set_(a, 'b', _attribute_of_(c, 'd', 1), 2)",
        "e.f()",
        "g.__h = i.__j",
        "k.l, m.n = (1, 2)",
        "_attribute_of_(o, 'p', 3).q = 3",
    ]
    assert "#define PLACES 4" in made.declarations
