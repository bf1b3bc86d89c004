"""Policies with a mistake in them: each is refuted, with a story that a kernel replays, by the guarantee that it breaks."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from scraper_cpn.analysis import ExplorationLimits
from scraper_cpn.cli.main import main
from scraper_cpn.scrape import colours as c
from scraper_cpn.scrape.policy import Policy
from scraper_cpn.scrape.policy.domains import DomainPolicy
from scraper_cpn.scrape.policy.proxies import ProxyPolicy
from scraper_cpn.scrape.policy.retries import RetryPolicy
from scraper_cpn.scrape.policy.robots import RobotsPolicy
from scraper_cpn.scrape.policy.volume import VolumePolicy
from scraper_cpn.scrape.settings import Settings
from scraper_cpn.scrape.verify import verify_crawl

ALONE = {"robots": "ignore"}
QUOTA = {**ALONE, "proxies": (c.Proxy("p", url="http://p", quota=1),)}
PROXIES = tuple(c.Proxy(name, url=f"http://{name}", delay_ns=5) for name in ("p", "q"))


def policy(part: str, base: type[Any], **functions: Any) -> Callable[[Settings], Policy]:
    """A policy, one part of which has other functions."""
    mine = type("Mine", (base,), functions)

    def make(self: Policy) -> Any:
        more = (self.frontier,) if base is RobotsPolicy else ()
        return mine(self.settings, *more)

    made = cached_property(make)
    made.__set_name__(Policy, part)
    changed: Any = type("MyPolicy", (Policy,), {part: made})
    return changed  # type: ignore[no-any-return]


def _all_allowed(_: Any, target: c.Target, rules: c.Rules) -> c.Clearance:
    return c.Allowed()


def _kind_rules(self: Any, job: c.RobotsJob, outcome: object) -> c.Rules | None:
    found: c.Rules | None = RobotsPolicy.robots_unreachable(self, job, outcome)
    return found and c.Rules(found.origin, "")


MISTAKES: dict[str, tuple[str, type[Any], dict[str, Any], dict[str, Any], str]] = {
    "no pause": ("domains", DomainPolicy, {"gap_ns": lambda *_: 0}, {}, "G2 starts"),
    "half a pause": ("domains", DomainPolicy, {"gap_ns": lambda _, d: d.delay_ns // 2}, ALONE, "G2 starts"),
    "a pause of its own": ("domains", DomainPolicy, {"domain": lambda _, t: c.Domain(t.domain, 5)}, ALONE, "G2 starts"),
    "one slot too many": ("domains", DomainPolicy, {"slots": lambda *_: 2}, {"per_domain": 1}, "G2 requests"),
    "no hold": ("domains", DomainPolicy, {"refusal": lambda *_: None}, ALONE, "G2 a refusal"),
    "no hold for a robots.txt": ("domains", DomainPolicy, {"robots_refusal_penalty": lambda *_: None}, {}, "G2 a refusal"),
    "a short hold": ("domains", DomainPolicy, {"hold_ns": lambda *_: 1_000}, ALONE, "G2 a hold"),
    "a Crawl-delay is not heard": ("domains", DomainPolicy, {"slower": lambda *_: None}, {}, "G2 a Crawl-delay"),
    "a Crawl-delay is not kept": ("domains", DomainPolicy, {"held": lambda _, d, __: d}, {}, "G2 a Crawl-delay"),
    "a token of another domain": ("domains", DomainPolicy, {"held": lambda _, d, __: replace(d, domain="x")}, ALONE, "G2 a domain"),
    "a proxy has nine slots": ("proxies", ProxyPolicy, {"proxy_slots": lambda *_: 9}, {**ALONE, "proxies": PROXIES}, "G3 requests"),
    "a quota is not counted": ("proxies", ProxyPolicy, {"carried": lambda _, p: p}, QUOTA, "G3 each start"),
    "attempts are not counted": ("retries", RetryPolicy, {"next_attempt": lambda _, f: f.target}, ALONE, "G5 each attempt"),
    "the last row is not the last": ("retries", RetryPolicy, {"over": lambda _, f: f}, ALONE, "G5 a URL"),
    "a robots.txt for ever": ("robots", RobotsPolicy, {"_robots_over": lambda *_: False}, {}, "G5 attempts for a robots.txt"),
    "all is allowed": ("robots", RobotsPolicy, {"clearance": _all_allowed}, {}, "G8 robots.txt decides"),
    "what can't be read allows": ("robots", RobotsPolicy, {"robots_unreachable": _kind_rules}, {"max_pages": None}, "G8 a robots.txt"),
    "bytes cost nothing": ("volume", VolumePolicy, {"left": lambda _, a, __: a}, {**ALONE, "max_bytes": 4}, "G7 an allowance loses"),
    "pages have no bytes": ("volume", VolumePolicy, {"received": lambda *_: c.Received(0)}, {**ALONE, "max_bytes": 4}, "G7 each page comes"),
}  # fmt: skip


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=() if "robots" in mistake[3] else pytest.mark.slow)
        for name, mistake in MISTAKES.items()
    ],
)
def test_a_policy_with_a_mistake_is_refuted_with_a_story(name: str) -> None:
    """Its counterexample was replayed on a kernel."""
    part, base, functions, options, claim = MISTAKES[name]
    settings = Settings(
        **{"per_domain": 2, "retries": 1, "concurrency": 2, "max_pages": 2, **options}
    )
    report = verify_crawl(
        settings,
        policy=policy(part, base, **functions),
        limits=ExplorationLimits(states=20_000),
    )
    refuted = {v.claim: v for v in report.verdicts if v.status == "refuted"}
    (verdict,) = [verdict for each, verdict in refuted.items() if each.startswith(claim)]
    assert verdict.story
    assert verdict.calls


MINE = """
from functools import cached_property
from scraper_cpn.scrape.policy import Policy
from scraper_cpn.scrape.policy.domains import DomainPolicy

class Hasty(DomainPolicy):
    def gap_ns(self, domain):
        return domain.delay_ns // 2

class MyPolicy(Policy):
    @cached_property
    def domains(self):
        return Hasty(self.settings)
"""


@pytest.mark.parametrize(
    ("text", "code", "said"),
    [
        (MINE, 1, "refuted: G2 starts in a domain are its delay apart"),
        (MINE.replace("domain.delay_ns", "domain.delay"), 1, "refuted: no function raises"),
        (MINE.replace("Hasty(self.settings)", "Hasty()"), 2, "mine.py:13: TypeError: DomainPolicy.__init__() missing"),
        (MINE + "\nclass Other(Policy): pass", 2, "several subclasses of Policy: MyPolicy, Other; leave one"),
        ("x = 1", 2, "mine.py needs one Crawl at module level; found: none"),
    ],
    ids=["a mistake", "it raises", "it can't be made", "two of them", "none"],
)  # fmt: skip
def test_the_command_proves_the_policy_of_a_program(
    text: str, code: int, said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A mistake is refuted with its story; what is no policy is refused in one line."""
    (tmp_path / "mine.py").write_text(text)
    found = main(["verify", str(tmp_path / "mine.py"), "--robots", "ignore", "-q"])
    out, err = capsys.readouterr()
    assert found == code
    assert said in (err if code == 2 else out)
    assert len(err.splitlines()) == (code == 2)
