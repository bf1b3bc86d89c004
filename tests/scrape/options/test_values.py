"""Values of options: what is read, what is refused, and the way back."""

import math
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import trustme
from hypothesis import given
from hypothesis import strategies as st

from scraper_cpn.scrape.options import quantities, values
from scraper_cpn.scrape.settings import Settings

MS, S = 10**6, 10**9
HOUR = 3600 * S


def answer(read: Callable[[Any], Any], value: Any) -> str:
    """Return what a reader says of a value: that it is read, or why not."""
    try:
        read(value)
    except ValueError as error:
        return str(error)
    return "read"


@pytest.mark.parametrize(
    ("given", "ns"),
    [
        ("500ms", 500 * MS),
        ("2s", 2 * S),
        ("2", 2 * S),
        ("1.5h", HOUR * 3 // 2),
        (".5m", 30 * S),
        ("1.", S),
        ("1d", 24 * HOUR),
        (" 1 s ", S),
        ("0", 0),
        (2, 2 * S),
        (0.25, 250 * MS),
        (0.1, 100 * MS),
        (1e-3, MS),
        ("36500d", quantities.LONGEST_NS),
    ],
)
def test_a_duration_is_exact_nanoseconds(given: object, ns: int) -> None:
    """Units, plain seconds, ints and floats give exact nanoseconds: 0.1 is no 0.09999."""
    assert quantities.duration(given) == ns


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ("-1", "negative"),
        ("-1s", "negative"),
        (-0.5, "negative"),
        (math.nan, "not finite"),
        (math.inf, "not finite"),
        ("nan", "not a duration"),
        ("inf", "not a duration"),
        ("1e3", "not a duration"),
        ("1 fortnight", "not a duration"),
        ("1s2ms", "not a duration"),
        ("\N{ARABIC-INDIC DIGIT ONE}s", "not a duration"),
        ("", "empty"),
        ("36501d", "too long"),
        (1e300, "too long"),
        ("9" * 401, "not a duration"),
        (True, "not allowed"),
        (None, "not allowed"),
        ([1], "not allowed"),
        ("1\ns", "control characters"),
    ],
)
def test_no_duration(given: object, reason: str) -> None:
    """What is no duration from 0 to a century is refused, with the reason."""
    with pytest.raises(ValueError, match=reason):
        quantities.duration(given)


def test_a_period_is_not_nothing() -> None:
    """A timeout of no time at all could never be met, so it is refused."""
    assert quantities.positive_duration("1ms") == MS
    with pytest.raises(ValueError, match="not a positive duration"):
        quantities.positive_duration("0s")


@given(st.integers(0, quantities.LONGEST_NS))
def test_durations_round_trip(ns: int) -> None:
    """Every duration is read back from its own text."""
    assert quantities.duration(quantities.duration_text(ns)) == ns


@given(st.integers(1, quantities.LARGEST_COUNT))
def test_sizes_round_trip(count: int) -> None:
    """Every size is read back from its own text."""
    assert quantities.size(quantities.size_text(count)) == count


@given(st.decimals(0, 1000, places=3), st.sampled_from(sorted(quantities.UNITS_NS)))
def test_a_number_with_a_unit_is_their_product(number: Decimal, unit: str) -> None:
    """A duration is its number times its unit, rounded down to nanoseconds."""
    assert quantities.duration(f"{number:f}{unit}") == int(number * quantities.UNITS_NS[unit])


@given(st.text() | st.floats() | st.integers() | st.none() | st.binary() | st.lists(st.text()))
@pytest.mark.parametrize(
    "read",
    [
        quantities.duration,
        quantities.size,
        quantities.count(0),
        values.pattern,
        values.header,
        values.host,
        values.text,
        values.switch,
        values.tables,
        values.choice("a", "b"),
        values.existing_file,
    ],
)
def test_whatever_is_given_is_read_or_refused(read: Callable[[Any], Any], value: Any) -> None:
    """No reader raises anything but ValueError, and its message is one line."""
    assert len(answer(read, value).splitlines()) == 1


@pytest.mark.parametrize(
    ("given", "count"),
    [("512", 512), ("64k", 64_000), ("10M", 10**7), ("1.5G", 1_500_000_000), ("2K", 2000), (7, 7)],
)
def test_a_size_counts_in_powers_of_1000(given: object, count: int) -> None:
    """k, M and G are powers of 1000, in either case; a plain number is bytes."""
    assert quantities.size(given) == count


@pytest.mark.parametrize("given", ["0", "-1", "10MB", "1KiB", "x", "", None, True, "9000000001G"])
def test_no_size(given: object) -> None:
    """A size is at least one byte, in a unit we know."""
    with pytest.raises(ValueError, match=r"size|empty"):
        quantities.size(given)


def test_a_count_has_a_range() -> None:
    """A count outside its range, or no whole number, is refused with the range."""
    read = quantities.count(1, 10)
    assert read("10") == read(10) == 10
    for wrong in ("0", "11", "-1", "1.5", "ten", 1.5, True, None):
        with pytest.raises(ValueError, match="1 to 10"):
            read(wrong)
    with pytest.raises(ValueError, match="1 or more"):
        quantities.count(1)("0")
    with pytest.raises(
        ValueError, match=r"^'99999999999999999999' is out of range; give 1 to 9000"
    ):
        quantities.count(1)("9" * 20)


def test_choices_are_those_of_the_settings() -> None:
    """What may be chosen is what the type of the setting allows."""
    assert values.choices_of("scope") == ("host", "domain", "any")
    read = values.choice(*values.choices_of("robots"))
    assert read("obey") == Settings().robots
    with pytest.raises(ValueError, match="choose obey or ignore"):
        read("maybe")


def test_some_choices_or_none() -> None:
    """`none` stands alone."""
    read = values.choices_or_none("a", "b")
    assert (read("b,a"), read("none"), read([])) == (("b", "a"), (), ())
    with pytest.raises(ValueError, match="'none' is not allowed; choose from a, b"):
        read("a,none")


def test_names_of_parameters() -> None:
    """With a star at the end at most."""
    read = values.parameters
    assert read("tracking, ref,sort_*,ref") == ("tracking", "ref", "sort_*")
    assert (read("none"), read([]), read(["a[]"])) == ((), (), ("a[]",))
    for wrong in ("a=1", "a,,b", "a*b", "none,a", 5):
        with pytest.raises(ValueError, match="give names, such as tracking,ref,sort_"):
            read(wrong)


def test_a_pattern_is_compiled() -> None:
    """A regular expression is returned as it was, and a broken one refused with the position."""
    assert values.pattern(r"/page/\d+") == r"/page/\d+"
    assert values.pattern("[[a]") == "[[a]"
    for broken in ("(", "*", "a{99999999999}", "(?P<a"):
        with pytest.raises(ValueError, match="not a regular expression"):
            values.pattern(broken)


def test_a_header_is_name_and_value() -> None:
    """A header is split at its first colon, and the value loses the space around it."""
    assert values.header("X-Key:  a:b ") == ("X-Key", "a:b")
    assert values.header("X-Empty:") == ("X-Empty", "")


@pytest.mark.parametrize("given", ["no colon", "a b: c", ": c", "a : c", "", "ä: b"])
def test_no_header(given: str) -> None:
    """What is no header (RFC 9110 section 5) is refused."""
    with pytest.raises(ValueError, match="header"):
        values.header(given)


@pytest.mark.parametrize("given", ["X: a\r\nY: b", "X: a\nb", "X: a\0b"])
def test_a_header_cannot_smuggle_another(given: str) -> None:
    """Line ends and other control characters are refused in a header."""
    with pytest.raises(ValueError, match="control characters"):
        values.header(given)


def test_a_header_of_the_fetcher_is_refused_with_advice() -> None:
    """Headers that the fetcher sets can't be set twice; the error says what to do instead."""
    with pytest.raises(ValueError, match="--user-agent"):
        values.header("user-agent: me")
    with pytest.raises(ValueError, match="URL"):
        values.header("Proxy-Authorization: Basic x")


def test_a_bad_header_is_not_repeated() -> None:
    """The error about a header does not show it: it may be a secret that lost its colon."""
    with pytest.raises(ValueError, match="not a header") as raised:
        values.header("Authorization Bearer s3cret")
    assert "s3cret" not in str(raised.value)


@pytest.mark.parametrize(
    ("given", "name"),
    [
        ("Example.ORG", "example.org"),
        ("example.org.", "example.org"),
        ("bücher.example", "xn--bcher-kva.example"),
        ("127.0.0.1", "127.0.0.1"),
        ("[::1]", "[::1]"),
    ],
)
def test_a_host_is_in_the_form_of_urls(given: str, name: str) -> None:
    """Hosts are compared with those of URLs, so they get their form."""
    assert values.host(given) == name


@pytest.mark.parametrize(
    "given",
    ["https://a.example", "a.example/x", "a.example:80", "u@a.example", "*.a.example", "a b"],
)
def test_no_host(given: str) -> None:
    """A URL, a port or a wildcard is no name of a host."""
    with pytest.raises(ValueError, match="host"):
        values.host(given)


def test_a_file_must_be_there_and_be_text(tmp_path: Path) -> None:
    """A file that is missing, a folder, or no UTF-8 is refused, naming it."""
    good, bad = tmp_path / "good", tmp_path / "bad"
    good.write_bytes(b"\xef\xbb\xbfhello")
    bad.write_bytes(b"ab\xff")
    assert values.file_text(str(good)) == "hello"
    assert values.existing_file(good) == str(good)
    for path, reason in ((bad, "byte 2"), (tmp_path / "none", "No such file"), (tmp_path, "Is a")):
        with pytest.raises(ValueError, match=reason) as raised:
            values.existing_file(str(path))
        assert str(path) in str(raised.value)


def test_certificates_are_loaded_once_before_the_crawl(tmp_path: Path) -> None:
    """A PEM file is accepted; a file that holds no certificate is refused."""
    pem, other = tmp_path / "ca.pem", tmp_path / "other.pem"
    trustme.CA().cert_pem.write_to_path(str(pem))
    other.write_text("nothing")
    assert values.certificates(str(pem)) == str(pem)
    with pytest.raises(ValueError, match="no certificates"):
        values.certificates(str(other))
