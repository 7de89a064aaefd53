"""The page of a report: Persian, whole in one file, and nothing in it that must not leave."""

import asyncio
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from typer.testing import CliRunner

from ivr.cli import app
from ivr.errors import BadInput
from ivr.report_page import pdf as printing
from ivr.reports.period import parse_period
from ivr.settings import Settings
from ivr.store.store import Store
from tests.edge.report_world import World

OPTIONS = ("--province", "markazi", "--from", "1400/01/01", "--to", "1400/03/31")
PERIOD = parse_period("1400/01/01", "1400/03/31")


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("reported")

    async def work() -> None:
        async with await Store.open(Settings(home=path)) as store:
            await World(7, PERIOD).write(store, 60)

    asyncio.run(work())
    return path


@pytest.fixture(autouse=True)
def _in(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IVR_HOME", str(home))


def run(*words: str) -> str:
    result = CliRunner().invoke(app, ["report", *OPTIONS, *words], catch_exceptions=False)
    assert result.exit_code == 0
    return result.output


class Reader(HTMLParser):
    """The texts of the page, and every address that it would load."""

    def __init__(self) -> None:
        super().__init__()
        self.texts: list[str] = []
        self.addresses: list[str] = []
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in {"meta", "br"}:
            self.open.append(tag)
        self.addresses += [value or "" for name, value in attrs if name in {"src", "href"}]

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if data.strip() and self.open[-1] != "style":
            self.texts.append(data.strip())


def read(page: Path) -> Reader:
    reader = Reader()
    reader.feed(page.read_text(encoding="utf-8"))
    assert reader.open == []
    return reader


def test_a_page_is_whole_persian_and_by_itself(tmp_path: Path) -> None:
    page = tmp_path / "report.html"
    assert run("--html", str(page)) == f"Written: {page}\n"
    found = read(page)
    assert found.addresses == []
    assert "۱ فروردین ۱۴۰۰ تا ۳۱ خرداد ۱۴۰۰" in found.texts
    assert any("استان مرکزی" in text for text in found.texts)
    assert any("منتشر نشود" in text for text in found.texts)
    latin = set(re.findall("[0-9a-zA-Z-]+", " ".join(found.texts)))
    known_no_more = "markazi-gone"
    assert latin <= {"ASA", "AHT", known_no_more}, "but for these, Persian words and digits alone"


def test_a_published_page_hides_small_counts_and_says_so(tmp_path: Path) -> None:
    page = tmp_path / "report.html"
    run("--publish", "--html", str(page))
    texts = read(page).texts
    assert "پنهان" in texts
    assert not any("منتشر نشود" in text for text in texts)


def test_a_pdf_is_printed(tmp_path: Path) -> None:
    made = tmp_path / "report.pdf"
    run("--pdf", str(made))
    assert made.read_bytes().startswith(b"%PDF-")
    assert len(made.read_bytes()) > 20_000  # the font is in it


def test_without_chromium_it_is_said_how_to_go_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(printing.shutil, "which", lambda _: None)
    with pytest.raises(BadInput, match=r"apt-get install chromium.*--html"):
        run("--pdf", str(tmp_path / "report.pdf"))


def test_a_file_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"nowhere/report\.html cannot be written"):
        run("--html", str(tmp_path / "nowhere" / "report.html"))
