"""Items are checked as the JSON that will be written, and each that does not fit has its line."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Meta, Struct

from scraper_cpn import Crawl
from scraper_cpn.scrape.colours import Bad, Extracted, Valid
from scraper_cpn.scrape.items.validate import Validator
from scraper_cpn.scrape.settings import UsageError
from scraper_cpn.scrape.text import LINE_CHARS_MAX
from tests.scrape.sample_pages import item, target

Write = Callable[[Any], str]

PRICED = {"type": "object", "properties": {"price": {"type": "number"}}, "required": ["price"]}


class Quote(Struct, frozen=True):
    text: str
    tags: list[str] = []
    stars: Annotated[int, Meta(ge=1, le=5)] = 1


@dataclass
class Author:
    name: str
    born: datetime


def validated(validator: Validator, *items: object) -> Valid | Bad:
    return validator.validate(Extracted(target(), items))


@pytest.fixture
def schema(tmp_path: Path) -> Write:
    """Writes a schema to a file and returns its name."""

    def write(content: Any) -> str:
        path = tmp_path / "schema.json"
        path.write_text(content if isinstance(content, str) else json.dumps(content))
        return str(path)

    return write


# By type.


def test_items_of_the_type_pass_as_they_are() -> None:
    """A good item is the very object that the handler made."""
    good = Quote("a", ["b"], 5)
    outcome = validated(Validator(Quote), good)
    assert isinstance(outcome, Valid)
    assert outcome.items[0] is good
    assert outcome.errors == ()


@pytest.mark.parametrize(
    ("wrong", "line"),
    [
        (Quote(None), "item 1: Expected `str`, got `null` - at `$.text`"),  # type: ignore[arg-type]
        (Quote("a", ["b", 7]), "item 1: Expected `str`, got `int` - at `$.tags[1]`"),  # type: ignore[list-item]
        (Quote("a", [], 6), "item 1: Expected `int` <= 5 - at `$.stars`"),
        (Quote("a", [], float("nan")), "item 1: Expected `int`, got `null` - at `$.stars`"),  # type: ignore[arg-type]
        ({"tags": []}, "item 1: Object missing required field `text`"),
        ({"text": "a", "txt": "b"}, "item 1: Object contains unknown field `txt`"),
        (Author("a", datetime.now(UTC)), "item 1: Object missing required field `text`"),
    ],
)
def test_a_wrong_item_has_a_line(wrong: object, line: str) -> None:
    """A Struct built with wrong values is caught; the line names the path and what is wanted."""
    assert validated(Validator(Quote), wrong) == Bad("invalid", line, line)


def test_a_dict_may_stand_for_the_type() -> None:
    """A handler that yields dicts is as good, and its items stay dicts."""
    assert validated(Validator(Quote), {"text": "a"}) == Valid(({"text": "a"},))


def test_other_kinds_of_types() -> None:
    """Whatever msgspec can decode can be the type of items."""
    author = Author("a", datetime.fromisoformat("2026-01-01T00:00:00+00:00"))
    assert validated(Validator(Author), author) == Valid((author,))
    assert validated(Validator(dict[str, Decimal]), {"x": Decimal(1)}) == Valid(
        ({"x": Decimal(1)},)
    )
    assert validated(Validator(Quote | None), Quote("a")) == Valid((Quote("a"),))


def test_good_items_go_on_without_the_bad() -> None:
    """One bad item does not cost the page; its line says which it was."""
    good = Quote("a")
    outcome = validated(Validator(Quote), good, {"text": 7}, good)
    assert outcome == Valid((good, good), ("item 2: Expected `str`, got `int` - at `$.text`",))


def test_a_page_with_bad_items_only_is_bad() -> None:
    """The reason is the first line, and how many more there are; the detail has all."""
    outcome = validated(Validator(Quote), {"text": 7}, {}, {})
    assert isinstance(outcome, Bad)
    assert outcome.kind == "invalid"
    assert outcome.reason == "item 1: Expected `str`, got `int` - at `$.text` (and 2 more items)"
    assert len(outcome.detail.splitlines()) == 3


class Book(Struct):
    """Like `Film`, without a tag."""

    title: str


class Film(Struct):
    """Like `Book`, without a tag."""

    title: str


def test_structs_that_can_not_be_told_from_each_other() -> None:
    """A crawl of such a type is refused when it is made, in one line that says what to do."""
    both: Any = Book | Film
    with pytest.raises(UsageError, match="can't be told from each other; declare each") as e:
        Crawl(both)
    assert "class Book(msgspec.Struct, tag=True)" in str(e.value)


def test_a_page_without_items_is_fine() -> None:
    """Pages that only link to others have no items."""
    assert validated(Validator(Quote)) == Valid(())


def test_a_type_that_can_not_be_checked_is_the_users_mistake() -> None:
    """It is reported before anything is fetched."""
    with pytest.raises(UsageError, match="items can't be of the type"):
        Validator(dict[bytearray, Callable[[], None]] | dict[str, int])


# By nothing.


@pytest.mark.parametrize("good", [item(), {"a": [1, None, {"b": "c"}]}, Quote("a"), {1: 1 << 100}])
def test_without_type_and_schema_all_json_passes(good: object) -> None:
    """Nothing is wanted but that the item can be written."""
    assert validated(Validator(), good) == Valid((good,))


def circle() -> dict[str, Any]:
    item: dict[str, Any] = {}
    item["self"] = item
    return item


@pytest.mark.parametrize("wrong", [{"a": object()}, {"a": "\ud800"}, {(1, 2): 3}, circle()])
def test_what_json_can_not_carry(wrong: object) -> None:
    """Such an item would break the output for all others."""
    for validator in (Validator(), Validator(dict[str, Any])):
        outcome = validated(validator, wrong)
        assert isinstance(outcome, Bad)
        assert outcome.reason.startswith("item 1: JSON can't carry it: ")


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63)
    | st.floats(allow_nan=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(fields=st.dictionaries(st.text(), JSON, max_size=3))
def test_any_dict_gets_an_outcome(fields: dict[str, Any]) -> None:
    """Validation answers; it never raises."""
    assert isinstance(validated(Validator(), fields), Valid)
    assert isinstance(validated(Validator(Quote), fields), Valid | Bad)


# By schema.


def test_a_schema_checks_the_item_as_json(schema: Write) -> None:
    """The line names the path in the item and what is wanted."""
    validator = Validator(schema=schema(PRICED))
    good = {"price": 1.5}
    assert validated(validator, good, {"price": "1.5"}, {}) == Valid(
        (good,),
        (
            "item 2: '1.5' is not of type 'number' - at `$.price`",
            "item 3: 'price' is a required property - at `$`",
        ),
    )


def test_a_schema_for_built_in_items(schema: Write) -> None:
    """The items of a crawl without a program are checked with their fields."""
    wanted = {"properties": {"fields": {"properties": {"price": {"pattern": "^[0-9]+$"}}}}}
    validator = Validator(schema=schema(wanted))
    assert validated(validator, item(fields={"price": "12"})) == Valid(
        (item(fields={"price": "12"}),)
    )
    outcome = validated(validator, item(fields={"price": "free"}))
    assert isinstance(outcome, Bad)
    assert outcome.reason == "item 1: 'free' does not match '^[0-9]+$' - at `$.fields.price`"


def test_type_and_schema_are_both_wanted(schema: Write) -> None:
    """An item has to fit both."""
    validator = Validator(Quote, schema({"properties": {"text": {"minLength": 2}}}))
    assert isinstance(validated(validator, Quote("ab")), Valid)
    assert isinstance(validated(validator, Quote("a")), Bad)
    assert isinstance(validated(validator, {"text": 22}), Bad)


def test_formats_are_annotations(schema: Write) -> None:
    """`format` is not checked, as the standard has it by default."""
    validator = Validator(schema=schema({"properties": {"a": {"format": "ipv4"}}}))
    assert isinstance(validated(validator, {"a": "nonsense"}), Valid)


def test_references_inside_of_the_file(schema: Write) -> None:
    """By pointer, anchor and id."""
    wanted = {
        "$id": "https://schemas.example/items",
        "$defs": {
            "n": {"type": "number"},
            "s": {"$anchor": "text", "type": "string"},
            "other": {"$id": "other", "type": "boolean"},
        },
        "properties": {
            "n": {"$ref": "#/$defs/n"},
            "s": {"$ref": "#text"},
            "b": {"$ref": "other"},
            "all": {"$ref": "#"},
        },
    }
    validator = Validator(schema=schema(wanted))
    assert isinstance(validated(validator, {"n": 1, "s": "x", "b": True, "all": {"n": 1}}), Valid)
    for wrong in ({"n": ""}, {"s": 1}, {"b": 1}, {"all": {"n": ""}}):
        assert isinstance(validated(validator, wrong), Bad)


def test_an_enormous_item_has_a_short_line(schema: Write) -> None:
    """A complaint quotes the item; both of its ends stay readable."""
    outcome = validated(Validator(schema=schema(PRICED)), {"price": "x" * 100_000})
    assert isinstance(outcome, Bad)
    assert len(outcome.reason) == LINE_CHARS_MAX
    assert outcome.reason.startswith("item 1: 'xxx")
    assert outcome.reason.endswith("is not of type 'number' - at `$.price`")


def nested(depth: int) -> dict[str, Any]:
    item: dict[str, Any] = {}
    for _ in range(depth):
        item = {"price": item}
    return item


def test_a_deep_item_is_data(schema: Write) -> None:
    """An item that is nested without end is refused, by every kind of check."""
    looped = Validator(schema=schema({"properties": {"price": {"$ref": "#"}}}))
    for validator in (Validator(), Validator(Quote), looped):
        assert isinstance(validated(validator, nested(200_000)), Bad)
    outcome = validated(looped, nested(300))
    assert isinstance(outcome, Bad)
    assert outcome.reason.startswith("item 1: it can't be checked: maximum recursion depth")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('{"type": }', "no JSON at line 1, column 10"),
        ('{\n"type": "object",\n}', "no JSON at line"),
        ("", "no JSON at line 1, column 1"),
        ("[]", "a JSON Schema is an object, not an array"),
        ("true", "not a boolean"),
        ("3", "not a number"),
        ("null", "not null"),
        ('"x"', "not a string"),
        ({"type": "nonsense"}, "no JSON Schema at $.type: 'nonsense' is not valid"),
        ({"properties": {"a": {"minimum": "1"}}}, "at $.properties.a.minimum: '1' is not of type"),
        ({"$ref": "#/$defs/gone"}, "$ref '#/$defs/gone' leads nowhere"),
        (
            {"items": {"$ref": "https://schemas.example/x"}},
            "$ref 'https://schemas.example/x' leads",
        ),
        (
            {"properties": {"a": {"pattern": "(x"}}},
            "at $.properties.a.pattern: '(x' is not a 'regex'",
        ),
        ({"not": {"patternProperties": {"[": True}}}, "'[' is not a 'regex'"),
        ({"not": {"$ref": "other.json"}}, "only what is in the file itself can be referred to"),
    ],
)
def test_bad_schema_files(schema: Write, content: Any, message: str) -> None:
    """A schema that is none is reported with option, file and position, in one line."""
    path = schema(content)
    with pytest.raises(UsageError) as error:
        Validator(schema=path)
    line = str(error.value)
    assert line.startswith(f"--schema {path}: ")
    assert message in line
    assert "\n" not in line


def test_a_schema_file_that_is_not_there(tmp_path: Path) -> None:
    """The file is named, and what is wrong with it."""
    with pytest.raises(UsageError, match=r"--schema .*gone\.json: No such file"):
        Validator(schema=str(tmp_path / "gone.json"))
    with pytest.raises(UsageError, match=r"--schema .*: Is a directory"):
        Validator(schema=str(tmp_path))


def test_a_schema_file_that_is_no_text(tmp_path: Path) -> None:
    """Bytes that are no text are reported as such."""
    path = tmp_path / "schema.json"
    path.write_bytes(b'"\xff\xfe\xfd"')
    with pytest.raises(UsageError, match="no JSON"):
        Validator(schema=str(path))
