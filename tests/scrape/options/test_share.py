"""Shares: percentages, and numbers up to 1."""

import pytest

from scraper_cpn.scrape.options.quantities import share, share_text


@pytest.mark.parametrize(
    ("value", "number"), [("25%", 0.25), ("0.5", 0.5), (1, 1.0), (0.1, 0.1), ("12.5 %", 0.125)]
)
def test_a_share_is_read_and_shown(value: object, number: float) -> None:
    assert share(value) == number
    assert share(share_text(number)) == number


@pytest.mark.parametrize("value", ["0", "0%", "101%", "2", "-1", "much", "", None, True])
def test_what_is_no_share(value: object) -> None:
    with pytest.raises(ValueError, match=r"share|empty"):
        share(value)
