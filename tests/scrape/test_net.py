"""The scrape net by its structure: what it is made of, and that nothing coordinates beside it."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import scraper_cpn
from scraper_cpn.net import Lost, Net, NetError, checked, hold, on, put, spend
from scraper_cpn.net.compiled.source import source
from scraper_cpn.net.places import Sink
from scraper_cpn.scrape import colours as c
from scraper_cpn.scrape import net as net_module
from scraper_cpn.scrape.net import ScrapeNet
from scraper_cpn.scrape.policy import Policy
from scraper_cpn.scrape.settings import Settings

NET = ScrapeNet(Policy(Settings()))
PACKAGE = Path(inspect.getfile(scraper_cpn)).parent
NAMES = {
    "available_proxies": c.Proxy,
    "prioritized_targets": c.Target,
    "domains": c.Domain,
    "in_progress": c.Target,
    "cool_down": c.Target,
    "failed_log": c.Failure,
    "raw_html": c.Raw,
    "parsed": c.Extracted,
    "validated": c.Checked,
    "stored": c.Stored,
}
"""The places that the mission names, and what their tokens are."""


@pytest.mark.parametrize("name", NAMES)
def test_the_places_of_the_mission_are_there(name: str) -> None:
    """Each has the name and the colour that everybody knows it by."""
    place: Any = NET.places[name]
    assert place.colour is NAMES[name]
    assert isinstance(place, Sink) == (name in ("failed_log", "stored"))


def test_the_composition_binds_each_name_once() -> None:
    """Whoever reads a name in the composition has to look for it in one place only."""
    bound = [
        ast.unparse(target)
        for node in ast.walk(ast.parse(inspect.getsource(net_module)))
        if isinstance(node, ast.Assign | ast.AnnAssign)
        for target in (node.targets if isinstance(node, ast.Assign) else [node.target])
    ]
    assert len(bound) == len(set(bound)) > 8


def test_every_place_and_transition_belongs_to_a_part() -> None:
    """Only the failed log, into which several parts write, is the net's own."""
    lone = [
        name for name, node in (NET.places | NET.transitions).items() if NET.part_of(node) is None
    ]
    assert lone == ["failed_log"]


def test_scrape_target_takes_every_permit_in_one_step() -> None:
    """Target, domain, proxy, slots, permit and budget are inputs of one transition, or none is taken."""
    transition = NET.transitions["scrape_target"]
    assert [str(arc) for arc in transition.arcs] == [
        "take(prioritized_targets)",
        "hold(permits)",
        "spend(domains)",
        "hold(domain_slots)",
        "spend(available_proxies)",
        "hold(proxy_slots)",
        "read(gate)",
        "hold(budget)",
    ]
    assert transition.shows == ((NET.places["in_progress"], 0),)


def test_a_robots_txt_is_fetched_under_the_same_limits() -> None:
    """It takes all that a page takes, but the budget of pages."""
    robots = [str(arc) for arc in NET.transitions["get_robots"].arcs]
    page = [str(arc) for arc in NET.transitions["scrape_target"].arcs]
    assert robots[1:] == page[1:-1]


@pytest.mark.parametrize("name", ["get_robots", "scrape_target", "parse", "validate", "keep"])
def test_every_effect_says_what_becomes_of_lost_work(name: str) -> None:
    """`Lost` puts a token, so that no crash makes a URL vanish; requests have a deadline."""
    transition = NET.transitions[name]
    lost = [case for case in transition.outcomes if case.outcome is Lost]
    assert [bool(case.outputs) for case in lost] == [True]
    asks = name in ("get_robots", "scrape_target")
    assert (transition.deadline_ns is not None) == asks


def test_only_a_fetched_page_costs_budget() -> None:
    """Of the outcomes of a fetch, `Fetched` alone keeps what the firing held of the budget."""
    consuming = [
        case.outcome
        for case in NET.transitions["scrape_target"].outcomes
        if any(output.kind == "consume" for output in case.outputs)
    ]
    assert consuming == [c.Fetched]


def test_only_requests_wait_for_permits() -> None:
    """No other transition touches permits, slots and pacing tokens, but those that hold or retire."""
    users = {
        name
        for name, transition in NET.transitions.items()
        if any(
            arc.place.name in ("permits", "domain_slots", "proxy_slots") for arc in transition.arcs
        )
    }
    assert users == {"get_robots", "scrape_target"}
    keepers = {
        name
        for name, transition in NET.transitions.items()
        if any(
            arc.place.name in ("domains", "available_proxies") and arc.kind != "spend"
            for arc in transition.arcs
        )
    }
    assert keepers == {"penalise", "rest", "retire", "use_up"}


def test_the_net_is_sound_for_all_settings() -> None:
    """The checks at definition pass, and the compiler takes it, for the ends of every range."""
    for settings in (
        Settings(concurrency=1, max_pages=1, max_time_ns=1, robots="ignore"),
        Settings(concurrency=10_000, timeout_ns=1),
    ):
        assert source(checked(ScrapeNet(Policy(settings))))


# Mis-wired variants: what a definition refuses.


def miswired(how: str) -> Net:
    """The heart of the scrape net, with one mistake."""
    net = Net("miswired")
    targets = net.place("targets", c.Target, key="domain", source=True, work=True)
    domains = net.place("domains", c.Domain, key="domain", timed=True, source=True)
    raw = net.place("raw", c.Raw, capacity=8, work=True)
    stored, failed = net.sink("stored", c.Stored), net.sink("failed", c.Failure)
    p: Any = Policy(Settings()).requests
    fetch, keep = net.effect("fetch", c.Fetched | c.Failed), net.effect("keep", c.Kept)
    make_raw: Any = put(raw, p.raw, targets, c.Fetched)
    wrong: Any = put(raw, p.failed, targets, c.Failed)
    gone = on(c.Failed, wrong if how == "colour" else put(failed, p.failed, targets, c.Failed))
    lost = [] if how == "lost" else [on(Lost, put(failed, p.lost, targets, Lost))]
    fetched = [] if how == "outcome" else [on(c.Fetched, make_raw)]
    permits = net.counter("permits", start=0 if how == "permits" else 2)
    net.transition(
        "scrape_target",
        [targets, spend(domains, after_ns=1), hold(permits)],
        effect=fetch(targets),
        outcomes=[*fetched, gone, *lost],
    )
    if how != "drain":
        net.transition(
            "keep",
            [raw],
            effect=keep(raw),
            outcomes=[
                on(c.Kept, put(stored, lambda page, kept: c.Stored(page.target, kept.items), raw, c.Kept)),
                on(Lost, put(failed, Policy(Settings()).pipeline.lost_page, raw, Lost)),
            ],
        )  # fmt: skip
    return net


def test_the_heart_of_the_net_is_sound() -> None:
    """Without a mistake the variant below is a net."""
    assert checked(miswired(""))


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ("colour", r"scrape_target.*raw.*Failure.*Raw|scrape_target.*Raw.*Failure"),
        ("lost", "scrape_target.*Lost"),
        ("outcome", "scrape_target.*Fetched"),
        ("drain", "raw"),
    ],
)
def test_a_wrong_wire_is_refused(how: str, message: str) -> None:
    """A wrong colour, an outcome left out, a place that nothing empties: each is named."""
    with pytest.raises(NetError, match=message):
        checked(miswired(how))


# Nothing coordinates beside the net.

FORBIDDEN = {
    "Semaphore", "BoundedSemaphore", "Lock", "RLock", "Condition", "Barrier", "CapacityLimiter",
    "Queue", "LifoQueue", "PriorityQueue", "SimpleQueue", "sleep", "sleep_until", "sleep_forever",
    "Timer", "call_later", "call_at",
}  # fmt: skip
ALLOWED = {
    ("scrape/session.py", "sleep"): "the grace period after a stop, which ends the crawl",
    ("run/shell.py", "sleep"): "a turn for the event loop, which takes no time",
    ("run/shell.py", "call_later"): "waking up at the time that the kernel has said",
    ("run/keeping.py", "sleep"): "until another process lets go of a store, before anything runs",
    ("scrape/many/export.py", "sleep"): "until an export looks again for what workers have kept",
    ("scrape/fetch/client.py", "sleep"): "within a request that has begun",
    ("scrape/fetch/client_aiohttp.py", "call_at"): "the timeout of a request",
    ("scrape/arriving.py", "Condition"): "the thread that reads seeds from a pipe, up to a bound",
    ("scrape/fetch/connections.py", "call_later"): "closing what is idle",
    ("scrape/fetch/pools.py", "call_later"): "closing what is idle",
    ("scrape/fetch/streams.py", "sleep"): "within a request that has begun",
    ("scrape/fetch/streams.py", "Lock"): "one reader of a connection at a time",
    ("scrape/fetch/wire.py", "sleep"): "within a request that has begun",
    (
        "scrape/pages/parse.py",
        "CapacityLimiter",
    ): "threads, where pages are parsed one after the other",
    ("scrape/byhand.py", "Lock"): "one request of a shell at a time",
    ("scrape/items/bodies/__init__.py", "Lock"): "one writer of saved bodies at a time",
    ("scrape/pages/parse.py", "Lock"): "the memory of large pages that handlers have",
    ("scrape/pages/workers.py", "Lock"): "the memory of the processes that parse",
    ("scrape/pages/workers.py", "Semaphore"): "the number of processes that parse",
    ("scrape/robots/__init__.py", "Lock"): "threads that read robots.txt remember it in one place",
}
"""The uses that decide nothing about what is fetched or when."""


def names_used(tree: ast.AST) -> Iterator[str]:
    """Every name that a module refers to, in whatever way."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute):
            yield node.attr
        elif isinstance(node, ast.Name):
            yield node.id
        elif isinstance(node, ast.ImportFrom):
            yield from (alias.name for alias in node.names)


def modules() -> Iterator[tuple[str, ast.AST]]:
    for folder in ("scrape", "run"):
        for path in sorted((PACKAGE / folder).rglob("*.py")):
            yield path.relative_to(PACKAGE).as_posix(), ast.parse(path.read_text(encoding="utf-8"))


def test_nothing_coordinates_beside_the_net() -> None:
    """No semaphore, lock, queue, timer or sleep in scrape/ and run/, but what is allowed here."""
    used = {
        (module, name)
        for module, tree in modules()
        for name in names_used(tree)
        if name in FORBIDDEN
    }
    assert used == ALLOWED.keys()


def test_the_shell_waits_for_one_thing() -> None:
    """The only thing that the shell waits on, beside effects, is its own wake-up."""
    tree = dict(modules())["run/shell.py"]
    assert not {"Event", "wait", "wait_for"} & set(names_used(tree))
    assigned = [
        ast.unparse(node.targets[0])
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign) and "create_future" in ast.unparse(node.value)
    ]
    assert assigned == ["self._sleeper"]


def test_the_net_and_its_policy_know_no_event_loop() -> None:
    """What decides imports nothing that waits, reads a clock or draws at random."""
    impure = {"asyncio", "anyio", "time", "random", "threading", "aiohttp", "datetime", "secrets"}
    trees = dict(modules())
    deciding = (
        "scrape/net.py",
        "scrape/parts/",
        "scrape/policy/",
        "scrape/colours/",
        "scrape/fetch/answers.py",
    )
    for module in (name for name in trees if name.startswith(deciding)):
        imported = {
            name.split(".")[0]
            for node in ast.walk(trees[module])
            if isinstance(node, ast.Import | ast.ImportFrom)
            for name in ([node.module or ""] if isinstance(node, ast.ImportFrom) else [a.name for a in node.names])
        }  # fmt: skip
        allowed = {"datetime"} if module == "scrape/fetch/answers.py" else set()  # it reads dates
        assert not imported & impure - allowed, module
