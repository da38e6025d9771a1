"""The built documentation loads nothing from outside, and its reference holds every public name."""

from __future__ import annotations

import importlib
import re
import zlib
from html.parser import HTMLParser
from pathlib import Path

import pytest

HTML = Path(__file__).resolve().parents[2] / "docs" / "_build" / "html"
PACKAGES = ("minipose", "minipose.ops", "minipose.nn", "minipose.nn.functional", "minipose.optim", "minipose.models",
            "minipose.pose", "minipose.data", "minipose.train", "minipose.viz")  # fmt: skip
LOADED = {"src", "srcset", "href", "poster", "data"}  # a browser follows these by itself, but for the href of an <a>
OUTSIDE = re.compile(r"\s*(?:https?:)?//", re.IGNORECASE)
CSS_ADDRESS = re.compile(r"""(?:url\(|@import)\s*["']?([^"')\s;]+)""", re.IGNORECASE)


class Requests(HTMLParser):
    """Collects the addresses that a browser asks for when it opens a page."""

    def __init__(self) -> None:
        super().__init__()
        self.addresses: list[str] = []
        self.in_style = False

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.in_style = tag == "style"
        for name, value in attributes:
            if name in LOADED and tag != "a":
                self.addresses.append(value or "")
            elif name == "style":
                self.addresses += CSS_ADDRESS.findall(value or "")

    def handle_endtag(self, tag: str) -> None:
        self.in_style = False

    def handle_data(self, data: str) -> None:
        if self.in_style:
            self.addresses += CSS_ADDRESS.findall(data)


def outside_requests(text: str, suffix: str) -> list[str]:
    """Return the addresses outside the site that a page (".html") or style sheet (".css") loads."""
    if suffix == ".css":
        return [address for address in CSS_ADDRESS.findall(text) if OUTSIDE.match(address)]
    page = Requests()
    page.feed(text)
    return [address for address in page.addresses if OUTSIDE.match(address)]


@pytest.mark.parametrize(
    ("text", "suffix"),
    [
        ('<script async="async" src="https://cdn.example/mathjax.js"></script>', ".html"),
        ('<link rel="stylesheet" href="//fonts.example/css?family=Lato">', ".html"),
        ("<p><img alt='badge' src='HTTP://badges.example/build.svg'></p>", ".html"),
        ("<style>@import 'https://fonts.example/a.css';</style>", ".html"),
        ('<p style="background: url(https://example/a.png)">', ".html"),
        ('@font-face { src: url("https://fonts.example/a.woff2") }', ".css"),
    ],
)
def test_an_outside_request_is_found(text: str, suffix: str) -> None:
    assert len(outside_requests(text, suffix)) == 1


def test_links_and_local_files_are_no_outside_request() -> None:
    page = '<a href="https://pytorch.org">PyTorch</a><script src="_static/a.js"></script><img src="../a.png">'
    assert outside_requests(page, ".html") == []
    assert outside_requests("body { background: url(data:image/png;base64,xxxx) }", ".css") == []


@pytest.fixture
def html() -> Path:
    if not (HTML / "index.html").exists():
        pytest.skip("the documentation is not built: python -m sphinx -b html docs docs/_build/html")
    return HTML


def test_pages_load_nothing_from_outside(html: Path) -> None:
    files = [path for path in html.rglob("*") if path.suffix in (".html", ".css")]
    assert len(files) > 10
    found = {path.name: outside_requests(path.read_text(encoding="utf-8"), path.suffix) for path in files}
    assert {name: addresses for name, addresses in found.items() if addresses} == {}


def test_no_page_shows_a_warning_of_a_library(html: Path) -> None:
    """Such a warning begins with the path of the library on the machine that built the page."""
    pages = {path.name: path.read_text(encoding="utf-8") for path in html.rglob("*.html")}
    assert [name for name, text in pages.items() if "site-packages" in text] == []


@pytest.mark.parametrize("package", PACKAGES)
def test_reference_holds_every_public_name(html: Path, package: str) -> None:
    _, _, _, _, packed = (html / "objects.inv").read_bytes().split(b"\n", 4)
    documented = {line.split(" ", 1)[0] for line in zlib.decompress(packed).decode().splitlines()}
    module = importlib.import_module(package)
    # A name that is another package's too is documented there; modules and constants have a page or a sentence.
    objects = {name: getattr(module, name) for name in module.__all__ if callable(getattr(module, name))}
    missing = {
        name
        for name, thing in objects.items()
        if not any(f"{place}.{name}" in documented or f"{place}.{thing.__name__}" in documented for place in PACKAGES)
    }
    assert objects and missing == set()
