"""Places that remember: machine code finds every attribute that Python finds, and no other."""

from __future__ import annotations

import gc
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from msgspec import Struct

from scraper_cpn.native.attributes import remembering
from scraper_cpn.native.building import built, kernel_program
from scraper_cpn.native.kernels import loaded

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

def read_changing(owner):
    return owner.one

def write_changing(owner, value):
    owner.one = value

def read_many(owner):
    return owner.one

def write_many(owner, value):
    owner.one = value

def replace(owner, value):
    owner.one = value

def clear(owner):
    del owner.one

def rebound(one, other):
    owner = one

    def turn():
        nonlocal owner
        owner = other
        return "set"

    owner.one = turn()
    return one.one, other.one

def matched(owner, colours):
    match owner:
        case colours.red:
            return "red"
        case colours.Slots(one=1):
            return "one"
    return "none"

def annotated(owner: Slots.one) -> Slots.two:
    value: Slots.one = owner.one
    return value, annotated.__annotations__

async def waited(owner: Slots.one) -> Slots.two:
    return owner.one

def waited_for():
    return waited.__annotations__
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


class Foreign:
    """Has the slot of another class, in which it is not."""

    one: Any = Slots.__dict__["one"]


class Converting:
    """Gives the slot that it hides to those who ask the class for it."""

    __slots__ = ("_one",)

    class Descriptor:
        """Another value than the slot's."""

        def __get__(self, owner: Any, _: Any) -> Any:
            return Converting.__dict__["_one"] if owner is None else ("converted", owner._one)

        def __set__(self, owner: Any, value: Any) -> None:
            owner._one = ["set", value]

    one = Descriptor()

    def __init__(self) -> None:
        self._one = 1


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
    "another's slot": Foreign,
    "a descriptor that gives its slot away": Converting,
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


MEMBERS: tuple[Any, ...] = (range(4, 5), slice(5, 6), 1 + 2j, 2.5, 3)
"""What has `start` or `real`, which are for reading only, or numbers in C."""
OWN = """
def read_{0}(owner):
    return owner.{1}

def write_{0}(owner):
    owner.{1} = [5]
    return owner.{1}
"""
ALL = SOURCE + "".join(
    OWN.format(number, name)
    for number, name in enumerate(
        ["one"] * len(OWNERS) + ["start", "start", "real", "real", "real"]
    )
)
"""The source, and places that meet one kind of owner each."""


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The source as machine code."""
    return loaded(built(kernel_program(ALL), tmp_path_factory.mktemp("built"), "places"))


@pytest.fixture(scope="module")
def python() -> Any:
    """The source as it is."""
    space: dict[str, Any] = {}
    exec(ALL, space)
    return SimpleNamespace(**space)


def outcome(call: Callable[..., Any], *given: Any) -> Any:
    """What a call gives, or says."""
    try:
        return call(*given)
    except (AttributeError, TypeError) as error:
        return f"refused: {error}"


def left(owner: Any) -> list[Any]:
    """What an owner has afterwards."""
    return [outcome(getattr, owner, name) for name in ("one", "two")]


@pytest.mark.parametrize("name", CALLS)
def test_every_owner_has_what_python_finds(machine: Any, python: Any, name: str) -> None:
    """Whatever a place has met before, it gives, sets and refuses what Python does, also in its words."""
    call, wanted = CALLS[name](machine), CALLS[name](python)
    for turn in range(3):
        for message, owner in OWNERS.items():
            for _ in range(1 + 2 * turn):
                mine, its = owner(), owner()
                assert outcome(call, mine) == outcome(wanted, its), message
                assert left(mine) == left(its), message


@pytest.mark.parametrize("what", ["read", "write"])
def test_a_place_that_remembers_finds_what_python_finds(
    machine: Any, python: Any, what: str
) -> None:
    """One that meets owners of a kind alone gives, sets and refuses the same each time."""
    owners = [*OWNERS.values(), *((lambda member=member: member) for member in MEMBERS)]
    for number, owner in enumerate(owners):
        call, wanted = (getattr(module, f"{what}_{number}") for module in (machine, python))
        for _ in range(5):
            mine, its = owner(), owner()
            assert outcome(call, mine) == outcome(wanted, its), owner
            assert left(mine) == left(its), owner


def test_a_type_that_is_changed_is_asked_again(machine: Any) -> None:
    """A place does not remember longer than what it remembers is true."""

    class Changing:
        __slots__ = ("one",)

    owner: Any = Changing()
    for number in range(3):
        machine.write_changing(owner, number)
        assert machine.read_changing(owner) == number
    setattr(Changing, "one", property(lambda _: "changed"))  # noqa: B010  (mypy knows no such slot)
    assert machine.read_changing(owner) == "changed"
    with pytest.raises(AttributeError):
        machine.write_changing(owner, 1)


def test_the_types_of_a_next_kernel_are_remembered(machine: Any) -> None:
    """However many types a place has met, it comes to know another one, elsewhere in memory."""
    for number in range(20):
        names = [f"name_{index}" for index in range(number)]
        made: Any = type("Made", (), {"__slots__": [*names, "one"]})
        for _ in range(300):
            owner = made()
            with pytest.raises(AttributeError):
                machine.read_many(owner)
            machine.write_many(owner, number)
            assert machine.read_many(owner) == owner.one == number


def test_what_is_replaced_is_let_go(machine: Any) -> None:
    """A write keeps neither what was there nor one reference too many to what comes."""
    gone: list[str] = []

    class Value:
        def __del__(self) -> None:
            gone.append("gone")

    owner = Slots(Value())
    for count in range(5):
        machine.replace(owner, Value())
        assert len(gone) == count + 1
    machine.clear(owner)
    assert len(gone) == 6
    machine.replace(owner, Value())  # where nothing was
    del owner
    assert len(gone) == 7


def test_a_struct_is_reported_what_it_gets(machine: Any) -> None:
    """A Struct asks for the collector when it gets what may lead back to it: nothing writes past it."""
    for _ in range(5):
        owner = Fields(1)
        assert not gc.is_tracked(owner)
        machine.replace(owner, [])
        assert gc.is_tracked(owner)


def test_a_value_comes_before_its_owner(machine: Any, python: Any) -> None:
    """Where the value changes who the owner is, the new one gets it, as in Python."""
    for module in (machine, python):
        assert module.rebound(Slots("old"), Slots("old")) == ("old", "set")


def test_what_is_not_run_stays_as_it_is(machine: Any, python: Any) -> None:
    """Patterns and annotations only look like reads."""
    colours = SimpleNamespace(red="red", Slots=Slots)
    for module in (machine, python):
        found = [module.matched(owner, colours) for owner in ("red", Slots(1), Slots(2), "green")]
        assert found == ["red", "one", "none", "none"]
        value, annotations = module.annotated(Slots(3))
        assert (value, annotations["owner"], annotations["return"]) == (3, "Slots.one", "Slots.two")
        assert module.waited_for() == {"owner": "Slots.one", "return": "Slots.two"}


def test_which_places_remember() -> None:
    """Each has a number of its own; methods, private names and several targets stay as they are."""
    made = remembering("a.b = c.d\ne.f()\ng.__h = i.__j\nk.l, m.n = 1, 2\no.p.q = 3\nr.s += 1\n")
    assert made.text.splitlines() == [
        "_attribute_set_(_attribute_of_(c, 'd', 1), a, 'b', 2)",
        "e.f()",
        "g.__h = i.__j",
        "k.l, m.n = (1, 2)",
        "_attribute_set_(3, _attribute_of_(o, 'p', 3), 'q', 4)",
        "r.s += 1",
    ]
    assert "#define PLACES 5" in made.declarations
