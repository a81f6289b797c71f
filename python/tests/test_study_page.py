"""The one-page report in a real browser, and that the check of it can fail."""

import dataclasses

import pytest
from selenium.webdriver.common.by import By

from swiftopt.study import QUICK, _report
from swiftopt.study._pictures import PICTURES
from swiftopt.study._tables import all_tables, raw

from . import browser
from .study_simulated import simulated

pytestmark = pytest.mark.skipif(
    browser.BROWSER is None or browser.DRIVER is None,
    reason="needs a browser: Debian's chromium and chromium-driver",
)

#: With a held-out variant, so that cells are as wide as they get.
PROTOCOL = dataclasses.replace(QUICK, held_out=True)


@pytest.fixture(scope="module")
def driver():
    started = browser.start()
    yield started
    started.quit()


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    return simulated(tmp_path_factory.mktemp("store"), PROTOCOL)


@pytest.fixture(scope="module")
def page(results, tmp_path_factory):
    return _report.write(results, tmp_path_factory.mktemp("report"))["html"]


def test_nothing_is_wrong(driver, page):
    assert browser.faults(driver, page) == []


def test_all_tables_and_pictures_are_there(driver, page, results):
    driver.get(page.as_uri())
    assert driver.title == "The technique study"
    tables = [*all_tables(results), *raw(results)]
    headings = [h.text for h in driver.find_elements(By.CSS_SELECTOR, "h2, h3")]
    rows = [
        len(table.find_elements(By.CSS_SELECTOR, "tbody tr"))
        for table in driver.find_elements(By.TAG_NAME, "table")
    ]
    for table in tables:
        assert table.title in headings
        assert len(table.rows) in rows
    images = driver.find_elements(By.TAG_NAME, "img")
    assert [image.get_attribute("alt") for image in images] == [p.title for p in PICTURES.values()]


SOUND = "<!DOCTYPE html><title>t</title><link rel=icon href='data:,'><h1>words</h1>"


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        ('<img alt="no picture" src="data:image/png;base64,AAAA">', "broken: img no picture"),
        ('<img alt="hidden" style="display:none" src="data:image/gif;base64,'
         'R0lGODlhAQABAIAAAAAAAP///ywAAAAAAQABAAACAUwAOw==">', "broken: img hidden"),
        ("<script>console.error('went wrong')</script>", 'console: '),
        ("<script>console.warn('may go wrong')</script>", "console: "),
        ("<script>undefined_name()</script>", "console: "),
        ('<img src="http://example.invalid/a.png">', "request: http://example.invalid/a.png"),
        ('<link rel="stylesheet" href="https://example.invalid/a.css">',
         "request: https://example.invalid/a.css"),
        ("<script>fetch('https://example.invalid/b').catch(() => 0)</script>",
         "request: https://example.invalid/b"),
        ('<style>h1 { background: url("other.png") }</style>', "request: file:"),
        ('<p style="width: 1000px">wide</p>', "too wide: p wide, 400 px"),
        ('<p style="position: relative; left: -9em">left</p>', "too wide: p left, 1280 px"),
        ("<table><thead><tr><th>head</thead><tbody></tbody></table>", "empty: table head"),
        ("<table><thead><tr><th>head</thead><tbody><tr><td>1<td>2</tbody></table>",
         "ragged: table head"),
        ('<p style="color: #999">pale</p>', "contrast of 2.8: 'pale', light"),
        ("<style>:root { color-scheme: dark } body { background: #fff; color: CanvasText }</style>",
         "contrast of 1.0: 'words', dark"),
        ("<script>document.title = ''</script>", "no title, 1280 px"),
        ("<style>h1 { visibility: hidden }</style>"
         "<script>document.querySelector('h1').style.visibility = 'visible'</script>",
         "no heading, 1280 px (without JavaScript)"),
    ],
)  # fmt: skip
def test_the_check_can_fail(driver, tmp_path, content, fault):
    page = tmp_path / "page.html"
    page.write_text(SOUND + content)
    found = browser.faults(driver, page)
    assert any(one.startswith(fault) for one in found), found


@pytest.mark.parametrize(
    "content",
    [
        "",
        '<div style="overflow-x: auto"><p style="width: 3000px">wide, but scrolls</p></div>',
        '<img alt="a dot" src="data:image/gif;base64,'
        'R0lGODlhAQABAIAAAAAAAP///ywAAAAAAQABAAACAUwAOw==">',
        "<script>console.log('all is well')</script>",
    ],
)
def test_the_check_can_pass(driver, tmp_path, content):
    page = tmp_path / "page.html"
    page.write_text(SOUND + content)
    assert browser.faults(driver, page) == []
