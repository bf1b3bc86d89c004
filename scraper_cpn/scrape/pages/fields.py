"""Fields that a user takes from a page without writing a program: `name=selector`.

Owns: the notation of field rules, and what a rule yields on a page.
Must not know: where rules come from (command line, TOML file, Python), items, outputs.

    price=.price                 the text of the first match, or null
    tags[]=.tag                  a list of the texts of all matches
    next=li.next a::attr(href)   an attribute, as the page has it

`scraper_cpn.scrape.pages.selectors` has the notation of selectors.
"""

from collections.abc import Iterable

from scraper_cpn.scrape.colours import File
from scraper_cpn.scrape.pages.cut import Cut
from scraper_cpn.scrape.pages.page import Page, check_selector
from scraper_cpn.scrape.redact import shown
from scraper_cpn.scrape.settings import FieldRule, UsageError

FieldValue = str | File | list[str | File] | None
"""The value of a field; files are put in the place of their URLs later."""

_EXAMPLES = (
    "for example 'price=.price', 'tags[]=.tag', 'next=a.next::url(href)' or 'name=//h1/text()'"
)


def field_rule(text: str) -> FieldRule:
    """Return the rule that *text* writes down.

    Raises `UsageError` for a rule without name or selector, and for a bad selector; who reads an
    option puts its name before the message.
    """
    name, equals, selector = (part.strip() for part in text.partition("="))
    many = name.endswith("[]")
    name = name.removesuffix("[]").rstrip()
    if not (name and equals and selector and name.isprintable()):
        raise UsageError(f"{shown(text)}: a field is NAME=SELECTOR, {_EXAMPLES}")
    try:
        check_selector(selector)
    except ValueError as error:
        raise UsageError(f"{shown(text)}: {error}; write {_EXAMPLES}") from None
    return FieldRule(name, selector, many=many)


def check_names(rules: Iterable[FieldRule]) -> None:
    """Raise `UsageError` where two rules have the same name: one would hide the other."""
    seen: set[str] = set()
    for rule in rules:
        if rule.name in seen:
            raise UsageError(f"--field: two fields have the name {shown(rule.name)}; rename one")
        seen.add(rule.name)


def take_fields(page: Page, rules: Iterable[FieldRule], cut: Cut) -> dict[str, FieldValue]:
    """Return the value of each field on *page*: a text, a list, or None without a match.

    What is left out of a list, or of a long text, is noted in *cut*.
    """
    return {rule.name: _take(page, rule, cut) for rule in rules}


def _take(page: Page, rule: FieldRule, cut: Cut) -> FieldValue:
    what = f"the field {rule.name}"
    if not rule.many:
        value = page.text(rule.selector, None)
        return value and cut.text(what, value)
    return [cut.text(what, value) for value in cut.values(what, page.texts(rule.selector))]
