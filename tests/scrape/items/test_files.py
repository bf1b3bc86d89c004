"""The files that items name: which values they are, and what is put in their place."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from scraper_cpn import Crawl, File, Page, UsageError
from scraper_cpn.scrape.colours import Extracted, Valid
from scraper_cpn.scrape.items.files import wanted_in, with_files, with_urls
from scraper_cpn.scrape.items.validate import Validator
from scraper_cpn.scrape.options.read import checked
from scraper_cpn.scrape.policy import Policy
from scraper_cpn.scrape.settings import Settings
from tests.servers import Asked, Server, page

BASE = "http://h.example/dir/page"


class Product(msgspec.Struct, frozen=True):
    """An item of a program."""

    name: str
    photo: File | str | None = None
    images: list[File] = []


@dataclasses.dataclass(frozen=True)
class Other:
    """An item that is no Struct."""

    images: Any


@pytest.mark.parametrize(
    "item",
    [
        {"name": "x", "images": ["a.png", "http://c.example/b", "a.png"]},
        Product("x", images=[File("a.png"), File("http://c.example/b"), File("a.png")]),
        Other(("a.png", File("http://c.example/b"), "a.png")),
    ],
)
def test_items_of_every_kind(item: Any) -> None:
    """URLs and files in a list, in dicts, Structs and dataclasses; the item itself is not changed."""
    before = msgspec.json.encode(item)
    (named,) = with_urls([item], ("images",), BASE)
    first, second = "http://h.example/dir/a.png", "http://c.example/b"
    assert wanted_in([named], ("images",)) == [first, second]
    ended = {first: File(first, "p", "s", 3, "image/png"), second: File(second, error="HTTP 404")}
    (done,) = with_files([named], ("images",), ended)
    found = msgspec.to_builtins(done)["images"]
    saved = {"url": first, "path": "p", "sha256": "s", "bytes": 3, "media_type": "image/png"}
    assert found == [saved, {"url": second, "error": "HTTP 404"}, saved]
    assert msgspec.json.encode(item) == before


def test_one_file_and_none() -> None:
    """A field may be one URL; None and other values remain, and what is no web address says so."""
    items = [
        Product("a", "x.png"),
        Product("b"),
        {"photo": "data:image/png;base64,AA"},
        {"photo": 7},
        {"photo": " "},
    ]
    one, none, data, number, empty = with_urls(items, ("photo", "gone"), BASE)
    assert one.photo == File("http://h.example/dir/x.png")
    assert (none.photo, number) == (None, {"photo": 7})
    assert data["photo"].error == empty["photo"].error == "it is no web address"
    assert wanted_in([one, none, data, number, empty], ("photo",)) == ["http://h.example/dir/x.png"]


@pytest.mark.parametrize("value", [{"front": "a.png"}, 7, ["a.png", {"b": 1}], [["a.png"]]])
def test_what_is_no_file(value: Any) -> None:
    """A value that would be ignored is a mistake of its item, in one line; the other items are kept."""
    good = Product("b", None, [File("http://c.example/b")])
    items = with_urls([{"name": "a", "photo": value}, good], ("photo", "images"), BASE)
    target = Policy(Settings()).frontier.seed(BASE)
    outcome = Validator(None, None, ("photo", "images")).validate(Extracted(target, items))
    assert isinstance(outcome, Valid)
    assert outcome.items == (good,)
    assert outcome.errors[0].startswith("item 1: the field photo has ")


def test_mistakes_are_reported_at_once() -> None:
    """A field that is not there, and no place to save the files in."""
    with pytest.raises(UsageError, match="give --save-bodies"):
        checked(Settings(files=("images",)))
    with pytest.raises(UsageError, match="there is no field 'photos'; give one"):
        Crawl(files="photos", save_bodies="b").run("http://h.example/")


class Shop:
    """A shop whose pages have pictures."""

    def __call__(self, asked: Asked) -> bytes:
        """Answer a request."""
        if asked.target.endswith(".png"):
            return page(f"PNG {asked.target}".encode(), "Content-Type: image/png")
        if asked.target == "/":
            links = "".join(f"<a href=/{number}>x</a>" for number in range(3))
            return page(links.encode(), "Content-Type: text/html")
        images = f"<img src=pictures{asked.target}.png><img src=/logo.png><img src=/text>"
        return page(images.encode(), "Content-Type: text/html")


@pytest.mark.anyio
@pytest.mark.parametrize("fetcher", ["aiohttp", "httpx"])
@pytest.mark.parametrize("state", [False, True])
async def test_a_shop_with_pictures(tmp_path: Path, fetcher: str, state: bool) -> None:
    """Items of a program name files that are on the disk; types that are not wanted say so."""
    output, media = tmp_path / "o.jsonl", tmp_path / "media"
    async with Server(Shop()) as server:
        crawl: Crawl[Product] = Crawl(
            Product,
            files="images",
            save_bodies=str(media),
            save_types="image/*",
            delay=0,
            per_domain=4,
            robots="ignore",
            fetcher=fetcher,
        )

        @crawl.page("*/")
        def home(found: Page) -> Iterator[Any]:
            yield from found.links()

        @crawl.page()
        def product(found: Page) -> Product:
            return Product(found.url, images=[File(each) for each in found.texts("img::attr(src)")])

        kept = tmp_path / "s.state" if state else None
        summary = await crawl.crawl(f"{server.url}/", output=output, state=kept)
    assert (summary.items, summary.files) == (3, 4)
    for line in output.read_bytes().splitlines():
        item = msgspec.json.decode(line, type=Product)
        own, logo, text = item.images
        number = item.name[-1]
        assert own.path is not None
        assert logo.path is not None
        assert (media / own.path).read_bytes() == f"PNG /pictures/{number}.png".encode()
        assert (media / logo.path).read_bytes() == b"PNG /logo.png"
        assert text.error == "its type is text/html; --save-types saves image/*"
    assert len([path for path in media.rglob("*") if path.is_file()]) == 4
    assert sorted(asked.target for asked in server.asked).count("/logo.png") == 1
