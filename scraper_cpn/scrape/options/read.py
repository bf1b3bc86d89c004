"""Reading `Settings` from options: the only way, for all three sources.

Owns: reading and checking values by the table of options, and the checks that concern two options.
Every mistake is a `UsageError` that says where it was made.
Must not know: how a command line or a TOML file is parsed, how the crawl uses a value.
"""

import difflib
from collections.abc import Iterable, Mapping
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from scraper_cpn.scrape.fetch.choose import check_client
from scraper_cpn.scrape.options.proxies import lines_of, read_proxies
from scraper_cpn.scrape.options.quantities import Reader, count, duration, duration_text
from scraper_cpn.scrape.options.table import BY_KEY, Option
from scraper_cpn.scrape.options.values import group, host
from scraper_cpn.scrape.redact import shown
from scraper_cpn.scrape.settings import Settings, Site, UsageError
from scraper_cpn.scrape.statuses import pages_of


class GivenValue(Struct, frozen=True):
    """A value and where it was given, such as `--delay` or `crawl.toml:3: delay`."""

    value: Any
    where: str


def settings_from(options: Mapping[str, Any]) -> Settings:
    """Return the settings of a crawl. Raises `UsageError`.

    The keys are the long options with underscores. A value is a `GivenValue`, or a plain Python value: text as on
    the command line, a number (seconds, bytes or a count), a bool, or a list of these; None is the default.
    Reads the files that options name; does not use the network.
    """
    for key in options:
        if key not in BY_KEY or not BY_KEY[key].field:
            raise UsageError(_not_an_option(key))
    given = read_options(options)
    slots = given.get("per_proxy", Settings().per_proxy)
    proxies = read_proxies([*given.pop("proxy", ()), *given.pop("proxies", ())], slots)
    settings = Settings(**{BY_KEY[key].field: value for key, value in given.items()})
    return checked(replace(settings, proxies=proxies))


def read_options(options: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values of options, read by the table. Raises `UsageError`."""
    given = {key: _given(key, value) for key, value in options.items()}
    return {key: _read(BY_KEY[key], each) for key, each in given.items() if each.value is not None}


def own_options(given: Mapping[str, GivenValue]) -> dict[str, Any]:
    """Return the values of the options that belong to the command and not to the crawl. Raises `UsageError`."""
    return read_options({key: each for key, each in given.items() if not BY_KEY[key].field})


def crawl_options(given: Mapping[str, GivenValue]) -> dict[str, GivenValue]:
    """Return the options that belong to the crawl, for `settings_from`."""
    return {key: each for key, each in given.items() if BY_KEY[key].field}


def likely(word: str, known: Iterable[str]) -> str:
    """Return advice such as `; did you mean delay?`, or nothing if no known word is similar."""
    found = difflib.get_close_matches(word, list(known), n=1)
    return f"; did you mean {found[0]}?" if found else ""


def _given(key: str, value: Any) -> GivenValue:
    return value if isinstance(value, GivenValue) else GivenValue(value, key)


def _not_an_option(key: str) -> str:
    if key in BY_KEY:
        return f"{key}: this is not an option of Crawl; give it to the method that runs the crawl, or to the command"
    known = [option.key for option in BY_KEY.values() if option.field]
    return f"unknown option {shown(key)}{likely(key, known)}"


def _read(option: Option, given: GivenValue) -> Any:
    try:
        if option.key == "proxies":
            return lines_of(option.kind.read(given.value))
        if option.key == "domain":
            return tuple(_site(row, given) for row in option.kind.read(given.value))
        if option.many:
            return _many(option, given)
        return option.kind.read(given.value)
    except ValueError as error:
        raise UsageError(f"{given.where}: {error}") from None


def _many(option: Option, given: GivenValue) -> tuple[Any, ...]:
    read = tuple(option.kind.read(each) for each in _as_list(option, given.value))
    if option.key == "proxy":  # its line has limits of its own, and errors that name the place
        return tuple((given.where, line) for line in read)
    if option.key == "sitemaps":
        return tuple(dict.fromkeys(each for each in read if each != "off"))
    if option.key == "field" and (twice := _twice(rule.name for rule in read)):
        raise ValueError(f"the field {twice} is given twice; give every field its own name")
    return read


def _as_list(option: Option, value: Any) -> list[Any]:
    if isinstance(value, Mapping) and option.pair:
        return [f"{name}{option.pair}{content}" for name, content in value.items()]
    return list(value) if isinstance(value, list | tuple) else [value]


def _twice(names: Iterable[str]) -> str | None:
    seen: set[str] = set()
    for name in names:
        if name in seen:
            return name
        seen.add(name)
    return None


def _hours(value: object) -> object:
    from scraper_cpn.scrape.options.hours import hours  # loads the time zones

    return hours(value)


_SITE: dict[str, tuple[str, Reader]] = {
    "name": ("name", host),
    "delay": ("delay_ns", duration),
    "per-domain": ("per_domain", count(1, 10_000)),
    "per_domain": ("per_domain", count(1, 10_000)),
    "hours": ("hours", _hours),
    "proxy-group": ("proxy_group", group),
    "proxy_group": ("proxy_group", group),
}
"""The keys of a `[[domain]]` table, as TOML and Python spell them."""


def _site(row: Mapping[str, Any], table: GivenValue) -> Site:
    fields: dict[str, Any] = {}
    for key, value in row.items():
        if key not in _SITE:
            where = value.where if isinstance(value, GivenValue) else table.where
            raise UsageError(f"{where}: unknown key {shown(key)}{likely(key, _SITE)}")
        each = (
            value if isinstance(value, GivenValue) else GivenValue(value, f"{table.where}: {key}")
        )
        field, read = _SITE[key]
        try:
            fields[field] = read(each.value)
        except ValueError as error:
            raise UsageError(f"{each.where}: {error}") from None
    if "name" not in fields:
        raise ValueError("a domain has no name; give one, such as name = 'example.org'")
    return Site(**fields)


def checked(settings: Settings) -> Settings:
    """Return *settings* if they pass the checks that concern two options. Raises `UsageError`."""
    if settings.backoff_ns > settings.backoff_max_ns:
        first, most = duration_text(settings.backoff_ns), duration_text(settings.backoff_max_ns)
        raise UsageError(f"backoff ({first}) is longer than backoff-max ({most}); raise the latter")
    if settings.cookies == "off" and (settings.cookie or settings.cookie_file):
        raise UsageError(
            "cookies are off, so none can be sent; leave out cookie, cookie-file or cookies"
        )
    _check_sessions(settings)
    _check_shares(settings)
    if settings.dedupe != "off" and settings.login is not None:
        raise UsageError(
            "dedupe: pages that ask for a login are alike, and would be lost; leave out dedupe, or the login"
        )
    if settings.cookies == "off" and settings.keep_cookies:
        raise UsageError("cookies are off, so none can be kept; leave out keep-cookies, or cookies")
    if settings.cookies == "off" and settings.login is not None:
        raise UsageError("cookies are off, so no login can last; leave out cookies, or the login")
    if settings.visits is not None and settings.revisit_ns is None:
        raise UsageError(
            "visits: without --revisit, pages are visited once; give --revisit TIME, or leave --visits out"
        )
    if settings.since_run is not None and settings.since is None:
        raise UsageError("since-run names a crawl in a state; give --since STATE, too")
    if settings.files and settings.save_bodies is None:
        raise UsageError("files: it does not say where they are saved; give --save-bodies, too")
    check_client(settings)
    if twice := _twice(site.name for site in settings.sites):
        raise UsageError(f"domain: {twice} has two tables; put its limits into one")
    for site in settings.sites:
        _check_key(site.name, settings)
    _check_routes(settings)
    return settings


def _check_shares(settings: Settings) -> None:
    """Refuse shares of levels where requests are chosen before they begin."""
    chosen = settings.has_routes or settings.has_addresses or settings.sticky_proxies
    if settings.shares and chosen:
        raise UsageError(
            "shares: they can't be kept where a proxy or an address is chosen first; leave out ban-status, proxy-for, "
            "proxy-group, banned, per-address, address-delay and sticky-proxies, or shares"
        )


def _check_sessions(settings: Settings) -> None:
    if settings.sessions is None and settings.session_delay_ns:
        raise UsageError("session-delay is about a pool of sessions; give sessions, too")
    if not settings.sticky_proxies:
        return
    if settings.sessions is None:
        raise UsageError("sticky-proxies is about a pool of sessions; give sessions, too")
    if not settings.proxies:
        raise UsageError("sticky-proxies: there are no proxies; give proxies, too")
    if settings.has_routes:
        raise UsageError(
            "sticky-proxies: a session has one proxy for all domains; leave out ban-status, proxy-for, "
            "proxy-group and banned"
        )


def without_effect(settings: Settings) -> str | None:
    """Return the message about options that do nothing beside others; None if there are none."""
    limited = settings.per_address is not None or settings.address_delay_ns
    if limited and not settings.has_addresses:
        return "per-address and address-delay have no effect through proxies, which look names up by themselves"
    return None


def _check_routes(settings: Settings) -> None:
    """Refuse groups of proxies that are not there, or that nobody uses."""
    for status in settings.ban_status:
        if status in pages_of(settings.statuses):
            raise UsageError(
                f"ban-status: answers with {status} are pages by status; leave it out of one of them"
            )
    groups = dict.fromkeys(proxy.group for proxy in settings.proxies)
    named = [(f"proxy-for {glob}", name) for glob, name in settings.proxy_for]
    named += [(f"domain {s.name}", s.proxy_group) for s in settings.sites if s.proxy_group]
    if not settings.proxies and (settings.ban_status or named):
        what = "ban-status" if settings.ban_status else named[0][0]
        raise UsageError(f"{what}: there are no proxies; give --proxies or -x")
    for what, name in named:
        if name not in groups:
            known = ", ".join(filter(None, groups)) or "none: a line of --proxies has group=NAME"
            raise UsageError(f"{what}: no proxy is in the group {name}; there are {known}")
    if any(groups) and not named:
        group_ = next(filter(None, groups))
        raise UsageError(
            f"proxies: no domain uses the proxies of group {group_}; give --proxy-for '*={group_}'"
        )
    if any(groups) and "" not in groups and all(glob != "*" for glob, _ in settings.proxy_for):
        raise UsageError(
            "proxy-for: every proxy is in a group, so domains without a rule have none; add --proxy-for '*=GROUP'"
        )


def _check_key(name: str, settings: Settings) -> None:
    """Refuse limits for a name that is never a pacing key."""
    from scraper_cpn.scrape.urls import domain_of

    key = domain_of(f"http://{name}/", settings.limit_by)
    if key != name:
        raise UsageError(
            f"domain: requests to {name} are limited with all of {key}; give name = {key}, or --limit-by host"
        )
