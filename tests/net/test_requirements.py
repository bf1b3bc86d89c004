"""The package's documentation, its names and its tests say the same."""

import re
from pathlib import Path
from pydoc import TextDoc
from types import ModuleType
from typing import get_args

from scraper_cpn import net
from scraper_cpn.net.arcs import ArcKind
from scraper_cpn.net.hints import hints
from scraper_cpn.net.outputs import Output

DOC = net.__doc__ or ""
NAMES = [
    name
    for name, value in vars(net).items()
    if not name.startswith("_") and not isinstance(value, ModuleType)
]
WORDS, REQUIREMENTS = DOC.split("\nWords\n-----\n")[1].split("\nRequirements\n------------\n")


def numbers(text: str) -> list[int]:
    return [int(number) for number in re.findall(r"\bR(\d+)\b", text)]


def test_the_documented_words_are_the_public_names() -> None:
    """The table of words and what the package has are equal."""
    documented = re.findall(
        r"^    (\w+) +\S", WORDS.split("\nWhat your functions must be")[0], re.MULTILINE
    )
    assert sorted(documented) == sorted(NAMES)
    assert len(set(documented)) == len(documented)


def test_every_public_name_has_a_docstring_of_its_own() -> None:
    """`help()` of a public name says what it is (aliases are explained where they are declared)."""
    named = [getattr(net, name) for name in NAMES]
    missing = [value for value in named if isinstance(value, type) and not value.__doc__]
    assert missing == []


def test_pydoc_shows_what_a_user_needs() -> None:
    """It has the words and the requirements, and no generated list of methods."""
    shown = TextDoc().docmodule(net)
    assert "R38" in shown
    assert "__delattr__" not in shown


def test_every_kind_of_arc_has_its_word() -> None:
    """An arc or output kind without a function of its name could not be declared."""
    kinds = get_args(ArcKind) + get_args(hints(Output)["kind"])
    assert [kind for kind in kinds if kind not in NAMES] == []


def test_requirements_are_numbered_without_a_gap() -> None:
    """R1, R2, ... in the order of the text."""
    listed = [int(number) for number in re.findall(r"^    R(\d+) ", REQUIREMENTS, re.MULTILINE)]
    assert listed == list(range(1, len(listed) + 1))
    assert len(listed) > 30


def test_every_requirement_is_cited_by_a_test_and_no_other_is() -> None:
    """A docstring of some test names each number."""
    here = Path(__file__).parent
    texts = [path.read_text() for path in sorted(here.glob("test_*.py"))]
    docstrings = [
        text
        for source in texts
        for text in re.findall(r'def test_\w+\([^)]*\)[^:]*:\n    """(.*?)"""', source, re.DOTALL)
    ]
    cited = {number for text in docstrings for number in numbers(text)}
    listed = {int(number) for number in re.findall(r"^    R(\d+) ", REQUIREMENTS, re.MULTILINE)}
    assert cited == listed
