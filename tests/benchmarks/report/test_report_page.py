"""The page works without a network, in a real browser, by mouse, keyboard and touch, in light and dark, on a phone."""

from __future__ import annotations

import base64
import json
import os
import re
import shutil
import zlib
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from benchmarks.report.document import Document, compose
from benchmarks.report.evidence import Evidence
from benchmarks.report.figures.bottleneck import draw_bottleneck
from benchmarks.report.figures.drawing import INK, ink, to_png, to_svg
from benchmarks.report.figures.pictures import Picture
from benchmarks.report.options import Options
from benchmarks.report.page.build import build_page
from benchmarks.report.page.markup import tooltip
from tests.benchmarks.report.synthetic import everything, pairs

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
VOID = {"meta", "input", "br", "link", "path", "use", "image", "rect", "line", "circle"}
SECONDS = 120_000  # milliseconds; the machine may be busy


@pytest.fixture(scope="module")
def document() -> Document:
    results, failures = everything()
    links = {(one.id, one.key): f"/results/{one.id}-{one.key}/result.json" for one in results}
    evidence = Evidence(
        results=tuple(results), failures=tuple(failures), links=links, sources=("/results/<script>alert(1)</script>",)
    )
    return compose(evidence, Options(repetitions=20))


@pytest.fixture(scope="module")
def page_file(document: Document, tmp_path_factory: pytest.TempPathFactory) -> Path:
    table = document.table("bottleneck")
    assert table is not None
    with ink():
        figure = draw_bottleneck(table, "F1")
        picture = Picture(name="bottleneck", label="Widths", png=to_png(figure), svg=to_svg(figure, "bottleneck"))
    folder = tmp_path_factory.mktemp("page")
    (folder / "index.html").write_text(build_page(document, [picture], Path("/reports/one")), encoding="utf-8")
    return folder / "index.html"


class Balance(HTMLParser):
    """Checks that every element is closed where it should be, and collects identifiers."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.ids: list[str] = []

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.ids += [value for name, value in attributes if name == "id" and value]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.ids += [value for name, value in attributes if name == "id" and value]

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID:
            assert self.open.pop() == tag


def test_page_is_well_formed_and_loads_nothing(page_file: Path) -> None:
    text = page_file.read_text(encoding="utf-8")
    balance = Balance()
    balance.feed(text)
    assert balance.open == []
    assert len(balance.ids) == len(set(balance.ids))
    assert not re.search(r"""(?:src|href)=["']?(?:https?:)?//""", re.sub(r'xmlns[:\w]*="[^"]*"', "", text))
    assert "@import" not in text
    assert INK not in text
    assert "<script>alert" not in text  # names and messages are escaped
    assert "at step 3 &lt;b&gt;&amp;amp;" in text


def test_page_holds_the_records_and_leads_to_the_files(page_file: Path, document: Document) -> None:
    text = page_file.read_text(encoding="utf-8")
    packed = re.search(r'id="records">([^<]*)<', text)
    assert packed is not None
    records = json.loads(zlib.decompress(base64.b64decode(packed.group(1))))
    assert set(records) == {one.id for one in document.evidence.results}
    one = records["natural/pong/rmr/seed-3"]
    assert one["result"]["scores"] == next(
        result.scores for result in document.evidence.results if result.id == "natural/pong/rmr/seed-3"
    )
    assert re.fullmatch(r"\.\./\.\./results/natural/pong/rmr/seed-3-\w{12}/result\.json", one["link"])


def test_numbers_lead_to_experiments_also_where_there_are_few() -> None:
    results = tuple(pairs("pong", [0.7] * 2, [0.6] * 2))
    text = build_page(compose(Evidence(results=results), Options(repetitions=20)), [], Path("/reports/one"))
    assert 'href="#runs=natural/pong/rmr/seed-"' in text
    assert '<input type="search" data-table="table-experiments">' in text
    assert 'data-table="table-coverage"' not in text


def test_tooltip_says_everything(document: Document) -> None:
    assert document.transfer is not None
    said = tooltip("breakout", "pong", document.transfer.cells["breakout", "pong"])
    assert "processor of breakout, learned on pong" in said
    assert "% of C-SWM" in said
    assert "5 paired seeds" in said
    assert "RMR 0." in said
    assert tooltip("pong", "boxing", document.transfer.cells["pong", "boxing"]).endswith("not run")


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    path = next(filter(None, map(shutil.which, BROWSERS)), None)
    if path is None:
        pytest.skip("no browser: apt-get install chromium")
    options = ["--no-sandbox"] if os.geteuid() == 0 else []
    with playwright.sync_playwright() as running:
        found = running.chromium.launch(executable_path=path, args=options, timeout=SECONDS)
        yield found
        found.close()


@pytest.fixture
def opened(browser: Any, page_file: Path) -> Iterator[Any]:
    """The page in a wide window; afterwards nothing may have been asked of a network or said on the console."""
    context = browser.new_context(viewport={"width": 1400, "height": 900}, color_scheme="light")
    page = context.new_page()
    page.set_default_timeout(SECONDS)
    asked, said = [], []
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.goto(page_file.as_uri())
    yield page
    assert said == []
    assert {url.partition("#")[0] for url in asked} <= {page_file.as_uri()}
    context.close()


def settled(rows: Any, number: int) -> int:
    """Wait until there are as many rows, and return how many there are."""
    from playwright.sync_api import expect

    expect(rows).to_have_count(number, timeout=SECONDS)
    return int(rows.count())


def column(page: Any, table: str, index: int) -> list[str]:
    texts: list[str] = page.eval_on_selector_all(
        f"#table-{table} tbody tr", f"rows => rows.map(row => row.cells[{index}].innerText)"
    )
    return texts


def test_table_sorts_by_mouse_and_keyboard(opened: Any) -> None:
    before = column(opened, "table1", 0)
    head = opened.locator("#table-table1 th[aria-sort]", has_text="RMR − C-SWM")
    index = int(head.get_attribute("data-column"))
    head.locator("button").click()
    assert head.get_attribute("aria-sort") == "ascending"
    values = column(opened, "table1", index)
    there = [float(text) for text in values if text != "–"]
    assert there == sorted(there)
    assert len(there) == 4
    assert values[:4] == [text for text in values if text != "–"]  # what is missing comes last
    head.locator("button").press("Enter")
    assert head.get_attribute("aria-sort") == "descending"
    values = column(opened, "table1", index)
    assert [float(text) for text in values[:4]] == sorted(there, reverse=True)
    head.locator("button").press("Space")
    assert column(opened, "table1", 0) == before
    # p-values such as <1e-5 are sorted as numbers, seeds not as text.
    paper = opened.locator("#table-table1 th[aria-sort]", has_text=re.compile("^p$"))
    paper.locator("button").click()
    texts = column(opened, "table1", int(paper.get_attribute("data-column")))
    assert "<1e-5" in texts
    printed = [float(text.removeprefix("<")) for text in texts]
    assert printed == sorted(printed)


def test_heat_map_tells_by_mouse_and_keyboard(opened: Any) -> None:
    tip, cells = opened.locator("#tip"), opened.locator("table.heat td")
    assert cells.count() == 16
    assert tip.is_hidden()
    cells.nth(5).hover()
    assert tip.is_visible()
    assert tip.inner_text() == cells.nth(5).get_attribute("data-tip")
    cells.nth(0).focus()
    opened.keyboard.press("ArrowRight")
    opened.keyboard.press("ArrowDown")
    assert tip.inner_text() == cells.nth(5).get_attribute("data-tip")
    assert opened.locator("table.heat td[tabindex='0']").count() == 1
    opened.keyboard.press("Escape")
    assert tip.is_hidden()
    opened.keyboard.press("ArrowUp")
    assert tip.is_visible()
    opened.keyboard.press("Enter")
    shown = opened.locator("#table-experiments tbody tr:visible")
    prefix = cells.nth(1).get_attribute("data-runs").removeprefix("runs=")
    assert shown.count() > 0
    assert all(text.startswith(prefix) for text in shown.locator("th").all_inner_texts())


def test_number_leads_to_its_experiments_and_to_their_records(opened: Any) -> None:
    opened.locator("#table-table1 a", has_text="±").first.click()
    rows = opened.locator("#table-experiments tbody tr:visible")
    assert settled(rows, 6) == 6
    name = rows.nth(2).locator("th").inner_text()
    rows.nth(2).locator("th a").click()
    dialog = opened.locator("#record")
    dialog.wait_for(state="visible")
    assert dialog.locator("h3").inner_text() == name
    assert json.loads(dialog.locator("pre").inner_text())["id"] == name
    assert dialog.locator("a").get_attribute("href").endswith("/result.json")
    opened.keyboard.press("Escape")
    dialog.wait_for(state="hidden")
    opened.locator("input[data-table='table-experiments']").fill("natural untrained boxing")
    assert settled(rows, 5) == 5


def test_colours_follow_the_system_and_the_button(opened: Any) -> None:
    back = "getComputedStyle(document.body).backgroundColor"
    light = opened.evaluate(back)
    opened.emulate_media(color_scheme="dark")
    dark = opened.evaluate(back)
    assert light == "rgb(255, 255, 255)"
    assert dark != light
    line = opened.locator("#bottleneck figure text").first
    assert line.evaluate("text => getComputedStyle(text).fill") == opened.evaluate(
        "getComputedStyle(document.body).color"
    )
    button = opened.locator("#theme")
    button.click()
    assert opened.evaluate(back) == light
    button.click()
    assert button.inner_text() == "Colours: dark"
    opened.emulate_media(color_scheme="light")
    assert opened.evaluate(back) == dark


def test_phone_scrolls_tables_and_not_the_page(browser: Any, page_file: Path) -> None:
    context = browser.new_context(viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
    page = context.new_page()
    page.set_default_timeout(SECONDS)
    page.goto(page_file.as_uri())
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert page.evaluate("innerWidth") == 390
    cell = page.locator("table.heat td").nth(6)
    cell.scroll_into_view_if_needed()
    cell.tap()
    tip = page.locator("#tip")
    tip.wait_for(state="visible")
    box = tip.bounding_box()
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= 390
    context.close()


def test_tables_are_there_without_scripts(browser: Any, page_file: Path) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.set_default_timeout(SECONDS)
    page.goto(page_file.as_uri())
    assert page.locator("#table-table1 tbody tr").count() == 24
    assert page.locator("#record").is_hidden()
    context.close()
