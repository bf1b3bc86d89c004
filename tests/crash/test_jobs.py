"""Three programs of the kind that jobs begin with, killed again and again: nothing is lost, doubled or leaked."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random
from typing import Any

import pytest

from scraper_cpn.scrape.state.check import audits
from scraper_cpn.scrape.state.vault import VARIABLE
from tests.crash.jobsite import HITS, ORDERS, PASSWORD, PRODUCTS, Jobs
from tests.scrape.outputs import items_in
from tests.servers import serving

pytestmark = pytest.mark.slow
KEY = "correct horse battery staple"
KILLS = 3
KINDS = ("product", "picture", "answer")

SHOP = """
from scraper_cpn import Crawl, Page

crawl = Crawl(start=["http://www.shop.test/shop"], domains=["shop.test"], per_domain=2)

@crawl.page("*/shop")
def shop(page: Page):
    for entry in page.css("a.c"):
        yield page.link(entry.url(), to=category, data={"name": entry.text()})

@crawl.page("")
def category(page: Page, name: str):
    for entry in page.css("a.p"):
        yield page.link(entry.url(), to=product, data={"category": name})

@crawl.page("")
def product(page: Page, category: str):
    name = page.text("h1")
    yield {"kind": "product", "name": name, "category": category}
    yield page.link(page.css("a.i")[0].url(), to=picture, data={"name": name})
    yield page.form("form#ask").submit(to=answer)

@crawl.page("")
def picture(page: Page, name: str):
    return {"kind": "picture", "name": name, "category": name[0]}

@crawl.page("")
def answer(page: Page):
    return {"kind": "answer", "name": page.text("b"), "category": page.text("b")[0]}
"""
API = """
from scraper_cpn import Crawl, Link, Page

api = Crawl(per_domain=2)

@api.page("")
def found(page: Page):
    answer = page.json()
    for hit in answer["hits"]:
        yield page.link("/reserve", to=reserved, json=hit, data=hit)
    if answer["next"] is not None:
        yield search(answer["next"])

@api.page("")
def reserved(page: Page, n: int):
    return {"n": n, "ticket": page.json()["ticket"]}

def search(start):
    return Link("http://api.test/search", to=found, json={"from": start}, idempotent=True)

api.start = (search(0),)
"""
TYPES = """
import os, sys
from msgspec import Struct

class Named(Struct):
    name: str
    category: str

class Product(Named): ...
class Picture(Named): ...
class Answer(Named): ...

TYPES = {"product": Product, "picture": Picture, "answer": Answer}

@crawl.item(dict)
def typed(item: dict):
    return TYPES[item.pop("kind")](**item)

files = sys.argv[2:]
outputs = dict(zip(TYPES.values(), files))
if os.path.exists("job.state"):
    crawl.resume("job.state", outputs)
else:
    crawl.run(output=outputs, state="job.state")
"""
CLUB = """
import os
from scraper_cpn import Crawl, Page

club = Crawl(start=["http://club.test/orders"], retries=9, SESSIONS)

@club.login("http://club.test/login", expired=lambda page: page.status == 403 or bool(page.css("#login")))
def login(page: Page):
    return page.form("#login").fill(user="me", password=os.environ["PASSWORD"]).submit()

@club.page("*/orders", status=[200, 403])
def orders(page: Page):
    yield from page.links("a.o")

@club.page("*/order/*", status=[200, 403])
def order(page: Page):
    return {"number": page.text(".number")}
"""


@pytest.fixture
def site() -> Iterator[str]:
    """The address of a proxy to the sites."""
    Jobs.begin()
    with serving(Jobs) as url:
        yield url


def lives(program: str, site: str, folder: Path, seed: int) -> list[Any]:
    """Return the items of a program that is killed after some requests, several times."""
    (folder / "job.py").write_text(program)
    run = [
        "run",
        "job.py",
        "--state",
        "job.state",
        "-o",
        "job.jsonl",
        "--keep-cookies",
        "--trace",
        "trace.jsonl",
    ]
    run += ["--allow-private", "--delay", "5ms", "--backoff", "20ms", "--per-proxy", "4"]
    scrape = [sys.executable, "-m", "scraper_cpn"]

    def words(begun: bool) -> list[str]:
        return [*scrape, *(["resume", "job.state"] if begun else run), "-x", site, "-q"]

    killed_again_and_again(words, folder, seed)
    return [json.loads(line) for line in (folder / "job.jsonl").read_text().splitlines()]


def killed_again_and_again(words: Callable[[bool], list[str]], folder: Path, seed: int) -> None:
    """Run a crawl that is killed after some requests; *words* are its command, by whether it has begun."""
    random = Random(seed)
    for life in range(KILLS + 1):
        command = words((folder / "job.state").exists())
        env = {**os.environ, "PASSWORD": PASSWORD, VARIABLE: KEY}
        with (folder / "log").open("a") as log:
            process = subprocess.Popen(command, cwd=folder, env=env, stdout=log, stderr=log)
            Jobs.killing = process.kill
            Jobs.kills_at = 0 if life == KILLS else len(Jobs.asked) + random.randint(2, 9)
            process.wait(timeout=120)
    assert process.returncode in {0, 1}, (folder / "log").read_text()


def check(folder: Path) -> None:
    """No file has a secret, and the journal replays."""
    for file in filter(Path.is_file, folder.iterdir()):
        content = file.read_bytes()
        secrets = [each for each in (PASSWORD, KEY, "club=k", "sid=s") if each.encode() in content]
        assert not secrets, file
    assert audits(folder / "job.state")[0].batches


@pytest.mark.parametrize("seed", range(2))
def test_a_shop_with_a_form_on_each_page(seed: int, site: str, tmp_path: Path) -> None:
    """Each page once with its data, each form sent once."""
    check_shop(lives(SHOP, site, tmp_path, seed))
    check(tmp_path)


def check_shop(items: list[Any]) -> None:
    """Each page once, each form sent once; the cookie of the shop goes to no other host of its site."""
    names = [f"{c}{n}" for c in "abc" for n in range(PRODUCTS // 3)]
    kinds = ("answer", "picture", "product")
    got = sorted((item["kind"], item["name"], item["category"]) for item in items)
    sure = [each for each in got if each[0] != "answer"]
    assert sure == sorted((kind, name, name[0]) for kind in kinds[1:] for name in names)
    answers = [name for kind, name, _ in got if kind == "answer"]
    assert len(answers) == len(set(answers)) >= PRODUCTS - KILLS * 2, (
        "what a kill cut off is unsure"
    )
    assert set(Jobs.posts.values()) == {1}
    assert len(Jobs.posts) == PRODUCTS
    on_cdn = [cookies for host, cookies in Jobs.asked if host == "cdn.shop.test"]
    assert all("sid" not in cookies and cookies["all"] == "1" for cookies in on_cdn)


def test_a_shop_with_an_output_for_each_type(site: str, tmp_path: Path) -> None:
    """Each item is in the output of its type once, whatever its format, and nowhere else."""
    options = f"delay=0.005, backoff='20ms', per_proxy=4, proxy='{site}', keep_cookies=True, "
    (tmp_path / "job.py").write_text(SHOP.replace("Crawl(", f"Crawl({options}") + TYPES)
    files = ["product.csv.gz", "picture.db", "answer.parquet"]
    killed_again_and_again(lambda _: [sys.executable, "job.py", "--", *files], tmp_path, 7)
    found = zip(KINDS, (items_in(tmp_path / file) for file in files), strict=True)
    check_shop([{**item, "kind": kind} for kind, items in found for item in items])
    check(tmp_path)


@pytest.mark.parametrize("seed", range(2))
def test_an_api_that_is_searched_and_ordered_from(seed: int, site: str, tmp_path: Path) -> None:
    """Each order is sent once; those that a kill has cut off are unsure, and no other is missing."""
    items = lives(API, site, tmp_path, seed)
    numbers = [item["n"] for item in items]
    assert all(item["ticket"] == item["n"] * 10 for item in items)
    assert len(numbers) == len(set(numbers)) >= HITS - KILLS * 2
    assert Jobs.posts == {f"reserve {n}": 1 for n in range(HITS)}
    check(tmp_path)


@pytest.mark.parametrize("sessions", ["", "sessions=3, per_domain=3"])
def test_a_club_whose_logins_expire(sessions: str, site: str, tmp_path: Path) -> None:
    """Each order once, whichever way the club says that a login is over, in one session or in several."""
    items = lives(CLUB.replace("SESSIONS", sessions), site, tmp_path, 3)
    assert sorted(int(item["number"]) for item in items) == list(range(ORDERS))
    assert len(Jobs.logins) >= ORDERS // 4
    check(tmp_path)
