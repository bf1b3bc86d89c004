"""What is written of a colour or an outcome comes back as promised, and no secret is written."""

from __future__ import annotations

from inspect import isawaitable
from pathlib import Path
from typing import Any, get_type_hints

import anyio
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from publicsuffixlist import PublicSuffixList

from scraper_cpn.net import Lost, Net, Standing
from scraper_cpn.net.changes import Durable
from scraper_cpn.net.marking import Faulted, Flying
from scraper_cpn.net.places import Place
from scraper_cpn.scrape import colours as c
from scraper_cpn.scrape import urls
from scraper_cpn.scrape.colours import Link
from scraper_cpn.scrape.pages.handlers import Handlers
from scraper_cpn.scrape.pages.parse import Parser
from scraper_cpn.scrape.policy import Policy, sites_of
from scraper_cpn.scrape.policy.frontier import asking
from scraper_cpn.scrape.request import Request
from scraper_cpn.scrape.settings import SECOND, Settings
from scraper_cpn.scrape.state.packing import GONE, lacks_password, without_password
from scraper_cpn.scrape.state.run import (
    CrawlRecord,
    Opening,
    codec_of,
    first_metadata,
    harmless,
    opened,
)
from scraper_cpn.simulate.web import SyntheticWeb, WebSpec
from scraper_cpn.store import sqlite
from scraper_cpn.store.codec import Codec
from scraper_cpn.store.edit import Edit

TEXT = st.text(max_size=12)
TIMES = st.integers(0, 2**62)
HOSTS = st.sampled_from(
    ["a.example", "www.a.example", "b.co.uk", "x.b.co.uk", "127.0.0.1", "xn--bcher-kva.example"]
)
URLS = st.builds(
    "{}://{}{}/{}".format,
    st.sampled_from(["http", "https"]),
    HOSTS,
    st.sampled_from(["", ":8080"]),
    st.sampled_from(["", "p?q=1", "ü", "%C3%BC/"]),
)
POLICIES = st.builds(
    lambda by, scope, ageing_ns: Policy(Settings(limit_by=by, scope=scope, ageing_ns=ageing_ns)),
    st.sampled_from(["domain", "host"]),
    st.sampled_from(["domain", "host", "any"]),
    st.sampled_from([None, 1, 600 * SECOND]),
)


@st.composite
def targets(draw: st.DrawFn, policy: Policy) -> c.Target:
    """Any that a policy makes: a seed, a link, the next hop of a redirect, a later attempt."""
    seed = policy.frontier.seed(draw(URLS), draw(TIMES))
    link = Link(draw(URLS), priority=draw(st.integers(-9, 9)), to=draw(TEXT))
    (target,) = policy.frontier.discover(seed, [link], draw(TIMES)) or (seed,)
    if draw(st.booleans()):
        found = policy.requests.hop(target, c.Redirected(301, draw(URLS)))
        target = found.targets[0] if found else target
    return replace(target, attempt=draw(st.integers(1, 9)))


@st.composite
def links(draw: st.DrawFn, policy: Policy) -> tuple[c.Target, ...]:
    """The links of one page."""
    page, found_ns = draw(targets(policy)), draw(TIMES)
    found = draw(st.lists(st.builds(Link, URLS, priority=st.integers(-9, 9), to=TEXT), max_size=4))
    return policy.frontier.discover(page, found, found_ns)


RESPONSES = st.builds(
    c.Response, url=URLS, status=st.just(200), content_type=TEXT, charset=st.none() | TEXT,
    body=st.binary(max_size=9), fetched_at_ns=TIMES, elapsed_ns=TIMES,
)  # fmt: skip
ITEMS = st.lists(st.dictionaries(TEXT, TEXT, max_size=2), max_size=2).map(tuple)
PROXIES = st.builds(
    c.Proxy, TEXT, st.none() | st.sampled_from(["http://p:1", "http://***@p:1"]),
    st.integers(1, 5), TIMES, st.none() | TIMES, st.none() | TIMES, st.none() | TIMES,
    st.integers(0, 5), st.integers(0, 5),
)  # fmt: skip


SESSION = c.PooledSession("7", generation=2, errors=1)


def whole(policy: Policy) -> list[st.SearchStrategy[Any]]:
    """The colours and outcomes of which nothing is left out."""
    target = targets(policy)
    plain = [c.Domain, c.Penalty, c.ProxyFault, c.RobotsJob, c.Rules, c.Gate, c.StopRequest, c.Redirected,
             c.Throttled, c.Failed, c.Bad, c.Deferred, c.Kept, c.GivenUp, c.Login, c.LoginNews, c.PooledSession, c.SessionFault,
             c.LoggedIn, c.LoggedOut, Lost]  # fmt: skip
    failures = st.builds(
        c.Failure, target=target, kind=TEXT, reason=TEXT, status=st.none() | st.integers(100, 599),
        retry=st.booleans(), wait_ns=TIMES, detail=TEXT, final=st.booleans(),
    )  # fmt: skip
    found = st.builds(c.Found, links(policy), trapped=links(policy))
    request = Request(method="POST", body=b"a", login=1, step=2)
    steps = st.builds(lambda page: c.LoginStep(asking(page, request)), target)
    return [target, found, failures, steps, PROXIES, *map(_any, plain)]


def _any(kind: type[Any]) -> st.SearchStrategy[Any]:
    """Any value of a record; numbers are such as a time may be."""
    hints = get_type_hints(kind)
    numbers = {int: TIMES, int | None: st.none() | TIMES}
    return st.builds(
        kind, **{name: numbers[hint] for name, hint in hints.items() if hint in numbers}
    )


def cut(policy: Policy) -> list[st.SearchStrategy[tuple[Any, Any]]]:
    """Those whose content goes, with what is left of it."""
    target = targets(policy)
    return [
        st.builds(lambda t, r: (c.Raw(t, r), c.Raw(t, GONE)), target, RESPONSES),
        st.builds(
            lambda t, r: (c.Raw(t, r, "p", 2, "c", SESSION), c.Raw(t, GONE, "p", 2, "c", SESSION)),
            target,
            RESPONSES,
        ),
        st.builds(lambda t, i: (c.Extracted(t, i), c.Extracted(t, ())), target, ITEMS),
        st.builds(lambda t, i: (c.Checked(t, i), c.Checked(t, ())), target, ITEMS),
        st.builds(lambda r: (c.Fetched(r), c.Fetched(GONE)), RESPONSES),
        st.builds(
            lambda i, t, r, a: (
                c.Parsed(i, t, refused=r, again_ns=a),
                c.Parsed((), t, refused=r, again_ns=a),
            ),
            ITEMS,
            links(policy),
            st.sampled_from([(), ("its refresh leads away",)]),
            st.sampled_from([None, -1, 0, SECOND]),
        ),
        st.builds(
            lambda i, e: (c.Valid(i, tuple(e)), c.Valid((), tuple(e))), ITEMS, st.lists(TEXT)
        ),
    ]


def again(codec: Codec, value: Any) -> Any:
    """What comes back of a value."""
    packed = msgspec.msgpack.decode(msgspec.msgpack.encode(codec.pack(value)))
    return codec.unpack(type(value), packed)


@given(st.data(), POLICIES)
def test_what_is_packed_comes_back(data: st.DataObject, policy: Policy) -> None:
    """All of it; a target's domain and origin are what the policy makes of its URL."""
    codec = codec_of(policy)
    value = data.draw(st.one_of(whole(policy)))
    back = again(codec, value)
    assert type(back) is type(value)
    assert msgspec.to_builtins(back) == msgspec.to_builtins(value)


@given(st.data(), POLICIES)
def test_what_is_cut_comes_back_without_its_content(data: st.DataObject, policy: Policy) -> None:
    """Pages are their targets, and outcomes what the net makes of them but for bodies and items."""
    codec = codec_of(policy)
    value, left = data.draw(st.one_of(cut(policy)))
    assert again(codec, value) == left
    assert again(codec, left) == left


def test_tokens_do_not_depend_on_the_answer_of_a_page() -> None:
    """It is not in the journal: what becomes of a page that is requested again is the same when it is replayed."""
    policy = Policy(Settings(login="https://login.example/"))
    response = replace(GONE, url="https://a.example/", status=200)
    page = c.Raw(policy.frontier.seed("https://a.example/"), response)
    replayed = replace(page, response=GONE)
    requests, ended = policy.requests, c.Deferred("soft block", 5, elsewhere=True, status=200)
    assert requests.deferred(page, ended) == requests.deferred(replayed, ended)
    assert requests.deferred(page, ended).status == 200
    asked = c.LoggedOut()
    assert requests.logins.again(page, asked) == requests.logins.again(replayed, asked)
    lost = Lost("the process ended")
    assert policy.pipeline.lost_page(page, lost) == policy.pipeline.lost_page(replayed, lost)


def test_every_colour_and_outcome_was_tried() -> None:
    """A new one is not forgotten here."""
    codec = codec_of(Policy(Settings(login="https://login.example/", sessions=1)))
    net = codec.net
    kinds = {place.colour for place in net.places.values() if type(place) is Place}
    kinds |= {outcome for effect in net.effects.values() for outcome in effect.outcomes}
    policy = Policy(Settings())
    tried = {type(_example(strategy)) for strategy in whole(policy)}
    tried |= {type(_example(strategy)[0]) for strategy in cut(policy)}
    assert kinds - tried == set()


def _example(strategy: st.SearchStrategy[Any]) -> Any:
    found: list[Any] = []

    @given(strategy)
    def note(value: Any) -> None:
        found.append(value)

    note()
    return found[0]


@given(st.data(), POLICIES, TIMES, st.none() | TIMES)
def test_rows_of_tokens_come_back(
    data: st.DataObject, policy: Policy, ready_ns: int, expires_ns: int | None
) -> None:
    """With place, serial and times; a row read and written again has the same hash."""
    codec = codec_of(policy)
    value = data.draw(st.one_of(whole(policy)).filter(lambda v: _place(codec.net, v) is not None))
    place = _place(codec.net, value)
    assert place is not None
    token = Standing(place, 7, value, ready_ns, expires_ns)
    row = codec.token(token)
    assert codec.standing(row) == token
    assert codec.token_hash(codec.token(codec.standing(row))) == codec.token_hash(row)


def _place(net: Net, value: Any) -> str | None:
    for place in net.places.values():
        if isinstance(place, Place) and place.colour is type(value):
            return place.name
    return None


@given(st.data(), POLICIES, st.booleans())
def test_a_firing_in_flight_comes_back(data: st.DataObject, policy: Policy, started: bool) -> None:
    """What it holds by serial, what it has spent or read whole; counters by their keys."""
    codec = codec_of(policy)
    target = data.draw(targets(policy))
    domain, proxy = c.Domain(target.domain, 5), data.draw(PROXIES)
    bound = {
        "prioritized_targets": Standing("prioritized_targets", 3, target, 0),
        "domains": Standing("domains", 4, domain, 9),
        "available_proxies": Standing("available_proxies", 5, proxy, 8, 99),
        "gate": Standing("gate", 6, c.Gate(), 0, 77),
        "domain_slots": target.domain,
        "proxy_slots": proxy.proxy,
    }
    arcs = codec.net.transitions["scrape_target"].arcs
    inputs = tuple(bound.get(arc.place.name) for arc in arcs)
    flying = Flying(11, "scrape_target", inputs, started, 12, 13)
    row = codec.flight(flying)
    held = {3: bound["prioritized_targets"]}
    assert codec.flying(row, held) == flying  # type: ignore[arg-type]
    assert codec.holds(row) == ([3] if started else [3, 4, 5])


def test_what_is_set_aside_comes_back_plain() -> None:
    """Its fields without their type; of what can't be written at all, nothing."""
    codec = codec_of(Policy(Settings()))
    fault = codec.faulted(codec.fault(Faulted("domains", 3, c.Domain("a", 5), "ValueError: x")))
    assert (fault.place, fault.serial, fault.error) == ("domains", 3, "ValueError: x")
    assert fault.colour == list(msgspec.structs.astuple(c.Domain("a", 5)))
    assert codec.faulted(codec.fault(Faulted("domains", 3, object(), "bad"))).colour is None


@given(st.data(), POLICIES)
def test_an_edit_comes_back(data: st.DataObject, policy: Policy) -> None:
    """What is replayed of it is what it changed."""
    codec = codec_of(policy)
    target = data.draw(targets(policy))
    edit = Edit(
        5, [1], [("cool_down", target, 7, None)], [("domain_slots", "a", 3)], [("seen", "u")]
    )
    packed = msgspec.msgpack.decode(msgspec.msgpack.encode(edit.packed(codec)))
    durable = Durable(1, 2, 1, tokens={1: Standing("cool_down", 1, target, 0)})
    assert Edit.unpack(codec, packed).changes(durable) == edit.changes(durable)


def test_whatever_a_handler_raises_can_be_written() -> None:
    """Half a character in its text is replaced, where the outcome is made."""
    handlers = Handlers()

    @handlers.page()
    def raises(page: Any) -> None:
        raise ValueError(f"\ud800 of {page.url}")

    policy = Policy(Settings())
    target = policy.frontier.seed("http://a.example/")
    page = replace(GONE, url=target.url, status=200, content_type="text/html")
    parser = Parser(Settings(), policy.frontier.discover, handlers)

    async def parse() -> Any:
        outcome = parser.parse(c.Raw(target, page))
        return await outcome if isawaitable(outcome) else outcome

    bad = anyio.run(parse)
    assert isinstance(bad, c.Bad)
    assert bad.reason == "raises raised ValueError: ? of http://a.example/"
    assert again(codec_of(policy), bad) == bad


# Secrets.

SECRET = "hunter2"


@pytest.mark.parametrize(
    ("url", "written"),
    [
        ("http://user:hunter2@p:1", "http://user:***@p:1"),
        ("http://:hunter2@p:1", "http://:***@p:1"),
        ("http://user:hun@hunter2@p:1", "http://user:***@p:1"),
        ("http://user:x://hunter2@p:1", "http://user:***@p:1"),
        ("http://key@p:1", "http://***@p:1"),
        ("http://key:@p:1", "http://***@p:1"),
        ("http://p:1", "http://p:1"),
        (None, None),
    ],
)
def test_passwords_are_not_written(url: str | None, written: str | None) -> None:
    """The name of a user is, but not a key without a password; whoever reads it back sees what is lacking."""
    proxy = without_password(c.Proxy("p", url, quota=3))
    assert proxy == c.Proxy("p", written, quota=3)
    assert lacks_password(proxy) == (url != written)


def test_nothing_secret_is_in_a_state(tmp_path: Path) -> None:
    """Not a byte of a proxy's password or a header's value, in the file or beside it, after a crawl."""
    web = SyntheticWeb(WebSpec(pages=3))
    proxy = c.Proxy("http://user@p:1", f"http://user:{SECRET}@p:1", delay_ns=1, quota=50)
    settings = Settings(
        proxies=(proxy,), headers=(("Authorization", SECRET), ("X-Key", SECRET), ("Accept", "text/x")),
        delay_ns=0,
    )  # fmt: skip
    opening = Opening(settings, sites_of(settings, web.seeds()))
    metadata = first_metadata(
        opening, CrawlRecord(seeds=web.seeds(), hidden_headers=("Authorization", "X-Key"))
    )
    path = tmp_path / "crawl.db"
    store = sqlite.create(path, "main", metadata)

    async def crawl() -> None:
        for _ in range(2):
            state = await opened(store, opening)
            recorder, now_ns = state.recorder, state.clock.now_ns()
            for number in range(1, 20):
                step = recorder.step(now_ns + number * SECOND)
                batch = recorder.cut(list, always=True)
                assert batch is not None
                await state.commit(batch)
                for firing in step.firings:
                    recorder.started(firing.id, now_ns + number * SECOND)
                    outcome = c.Failed("proxy", "it is dead") if number > 3 else Lost("no answer")
                    recorder.complete(firing.id, outcome, now_ns + number * SECOND)
            await state.end(list)

    anyio.run(crawl)
    files = {each.name: each.read_bytes() for each in tmp_path.iterdir()}
    anyio.run(store.close)
    files |= {f"{each.name} closed": each.read_bytes() for each in tmp_path.iterdir()}
    assert any(b"text/x" in content for content in files.values()), "a harmless header is there"
    assert any(b"user:***@p:1" in content for content in files.values())
    assert not [name for name, content in files.items() if SECRET.encode() in content]


def test_an_opening_keeps_only_what_is_harmless() -> None:
    """Of headers those that hold no secret, whatever their case; of proxies no password."""
    headers = (("accept", "a"), ("ACCEPT-Language", "b"), ("Cookie", SECRET), ("X", SECRET))
    kept = harmless(Opening(Settings(headers=headers), ("a.example",)))
    assert kept.settings.headers == headers[:2]
    assert kept.sites == ("a.example",)


def test_a_state_does_not_depend_on_the_suffix_list(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a target's domain is was decided when it was found; a newer list changes nothing of it."""
    policy = Policy(Settings(scope="any"))
    page = policy.frontier.seed("http://www.shop.example/")
    found = policy.frontier.discover(
        page, [Link(f"http://{name}.shop.example/") for name in ("a", "b")]
    )
    codec = codec_of(policy)
    written = [codec.pack(c.Found(found)), codec.pack(c.Parsed((), found)), codec.pack(page)]
    assert {target.domain for target in (page, *found)} == {"shop.example"}
    forget_domains()
    monkeypatch.setattr(urls, "_suffixes", lambda: PublicSuffixList(["shop.example"]))
    assert Policy(Settings()).frontier.seed("http://a.shop.example/").domain == "a.shop.example"
    read = msgspec.msgpack.decode(msgspec.msgpack.encode(written))
    codec = codec_of(Policy(Settings(scope="any")))
    assert codec.unpack(c.Found, read[0]) == c.Found(found)
    assert codec.unpack(c.Parsed, read[1]) == c.Parsed((), found)
    assert codec.unpack(c.Target, read[2]) == page
    monkeypatch.undo()
    forget_domains()


def forget_domains() -> None:
    """Forget what the suffix list has said."""
    for remembering in (urls._suffixes, urls._domain, urls._registrable, urls._pace):
        remembering.cache_clear()


@given(st.data())
def test_any_names_come_back(data: st.DataObject) -> None:
    """Also a domain and an origin that are no parts of the URL."""
    policy = data.draw(POLICIES)
    target = data.draw(targets(policy))
    odd = replace(target, domain=data.draw(TEXT), origin=data.draw(TEXT | st.just(target.origin)))
    codec = codec_of(policy)
    packed = msgspec.msgpack.decode(msgspec.msgpack.encode(codec.pack(odd)))
    assert codec.unpack(c.Target, packed) == odd


def test_what_a_greatest_depth_remembers_is_kept() -> None:
    """Links with their page, and what is known of a URL with and without links."""
    policy = Policy(Settings(scope="any", max_depth=2))
    page = policy.frontier.seed("http://a.example/")
    links = policy.frontier.depths.links(
        page, policy.frontier.discover(page, [Link("http://a.example/b")])
    )
    codec = codec_of(policy)
    caught = replace(links, trapped=links.targets)
    mapped = c.Mapped(links.targets, ("http://a.example/2.xml",), ("it is broken",))
    for colour in (links, caught, mapped, c.Reached(page.url, 1), c.Reached(page.url, 1, links)):
        written = msgspec.msgpack.encode(codec.pack(colour))
        assert codec.unpack(type(colour), msgspec.msgpack.decode(written)) == colour
