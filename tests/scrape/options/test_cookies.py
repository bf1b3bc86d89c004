"""The cookies that a user gives."""

from pathlib import Path

import pytest

from scraper_cpn.scrape.options.cookies import cookie, cookie_file
from scraper_cpn.scrape.options.read import settings_from
from scraper_cpn.scrape.redact import redacted
from scraper_cpn.scrape.settings import UsageError


def test_a_cookie() -> None:
    """Name and value; the value is hidden in messages from then on."""
    assert cookie("sid= sEcr3t-of-mine==") == ("sid", "sEcr3t-of-mine==")
    assert redacted("it is sEcr3t-of-mine==") == "it is ***"
    assert settings_from({"cookie": {"a": "1", "b": "2"}}).cookie == (("a", "1"), ("b", "2"))


@pytest.mark.parametrize("given", ["sid", "=x", "a=1; b=2", "a=1\nb", "a=\ud800", 7])
def test_no_cookie(given: object) -> None:
    """What is wrong is not repeated: it may be a secret."""
    with pytest.raises(ValueError, match=r"^this is no cookie; give name=value, and one --cookie"):
        cookie(given)


def test_a_file(tmp_path: Path) -> None:
    """Its values are hidden in messages from then on; a line that is no cookie is named."""
    path = tmp_path / "cookies.txt"
    path.write_text("shop.test\tTRUE\t/\tTRUE\t0\tsid\tm0st-secret\n")
    assert cookie_file(path) == str(path)
    assert redacted("it is m0st-secret") == "it is ***"
    path.write_text("sid=abc\n")
    with pytest.raises(ValueError, match=r"cookies\.txt:1: this is no cookie"):
        cookie_file(path)


def test_cookies_that_are_off() -> None:
    """None can be sent then."""
    with pytest.raises(UsageError, match="cookies are off"):
        settings_from({"cookies": "off", "cookie": ["a=1"]})
