"""What would take hours to parse is told from what is merely big."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scraper_cpn.scrape.pages.hostile import (
    ATTRIBUTES_MAX,
    UNSEEN_BYTES,
    objection,
)

MANY = b" ".join(b"a%d" % n for n in range(ATTRIBUTES_MAX + 10))


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"<div>" * 400_000, "nested"),
        (b"<div><span></zz>" * 100_000, "nested"),
        (b"<x-y>" * 60_000 + b"<p></p>" * 60_000, "nested"),
        (b"<p " + MANY + b">", "attributes"),
        (b"<p " + MANY, "attributes"),
        (b"<p x='>' " + MANY + b">", "attributes"),
        (b'<p x=">" ' + MANY + b' y="', "attributes"),
        (b"<p " + MANY.replace(b" ", b"/") + b">", "attributes"),
        (b"<p " + MANY.replace(b" ", b"=''"), "attributes"),
        (b"<script " + MANY + b"></script>", "attributes"),
        (b"<!-- <p x='> --><p " + MANY + b">", "attributes"),
        (b"<title><p x='></title><p " + MANY + b">", "attributes"),
    ],
)
def test_hostile_pages(body: bytes, reason: str) -> None:
    """Elements nested without end and tags with endless attributes are told in one line."""
    assert reason in (objection(body) or "")


@pytest.mark.parametrize(
    "body",
    [
        b"<p>text</p>" * 200_000,
        b"<ul>" + b"<li>unclosed" * 200_000,
        b"<table>" + b"<tr><td>unclosed" * 100_000,
        b"<div><div>text</div></div>" * 50_000,
        b"<br>" * 300_000,
        b"<img src='data:image/png;base64," + b"A" * 1_000_000 + b"'>",
        b'<p data-json="' + b"a b " * 100_000 + b'">',
        b"<span>unclosed" * 3_000,
        b"<!doctype html>" + b"plain words " * 100_000,
        b"<!-- <p " + MANY + b" -->",
        b"<!-- <p " + MANY,
        b"<textarea><p " + MANY + b"</textarea>",
        b"<script>" + b'if (a<b) { x = "<div>"; }\n' * 20_000 + b"</script>",
    ],
)
def test_big_pages_are_not_hostile(body: bytes) -> None:
    """Long tables, unclosed tags, images inside of the page and long scripts are ordinary."""
    assert objection(body) is None


@given(
    body=st.lists(st.sampled_from([b"<a ", b"x='", b'"', b">", b"=", b"</a>", b"y"]), max_size=60)
)
def test_looking_never_fails(body: list[bytes]) -> None:
    """Few tags are fine, however they are cut: unbalanced quotes and tags are no obstacle."""
    assert objection(b"".join(body) + b" " * UNSEEN_BYTES) is None
