"""What is wrong with a page, as a real browser without a network and without a window sees it."""

import json
import shutil
from urllib.parse import urlsplit

from selenium import webdriver

BROWSER, DRIVER = shutil.which("chromium"), shutil.which("chromedriver")

#: Widths of a window on a desk, and of a telephone.
WIDTHS = (1280, 400)

#: Contrast that text of normal size must have (WCAG 2.2, success criterion 1.4.3).
LEAST_CONTRAST = 4.5


def start():
    """Start a browser that finds no host, and logs its console and its requests."""
    options = webdriver.ChromeOptions()
    options.binary_location = BROWSER
    for argument in (
        "--headless=new",
        "--no-sandbox",  # which a container's root can't have
        "--disable-dev-shm-usage",  # which may be tiny there
        "--disable-gpu",
        "--disable-background-networking",
        "--no-first-run",
        "--host-resolver-rules=MAP * ~NOTFOUND",
    ):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"performance": "ALL", "browser": "ALL"})
    driver = webdriver.Chrome(options, webdriver.ChromeService(DRIVER))
    # Long, since a shared machine may stall; a page takes a fraction of a second.
    driver.command_executor.client_config.timeout = 240
    driver.set_page_load_timeout(200)
    driver.set_script_timeout(200)
    driver.execute_cdp_cmd("Network.enable", {})
    return driver


def faults(driver, path):
    """Load a page with and without JavaScript, at all widths, and say what is wrong with it."""
    found = []
    for scripts in (True, False):
        where = "" if scripts else " (without JavaScript)"
        driver.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": not scripts})
        driver.get("about:blank")
        for log in ("browser", "performance"):
            driver.get_log(log)  # what came before
        driver.get(path.as_uri())
        for width in WIDTHS:
            resize(driver, width)
            found += [f"{fault}, {width} px{where}" for fault in driver.execute_script(_FAULTS)]
        for scheme in ("light", "dark"):
            _prefer(driver, scheme)
            found += [
                f"contrast of {contrast:.1f}: {text!r}, {scheme}{where}"
                for text, contrast in driver.execute_script(_CONTRASTS)
                if contrast < LEAST_CONTRAST
            ]
        found += [f"console: {line}{where}" for line in _console(driver)]
        found += [f"request: {url}{where}" for url in _requests(driver, path)]
    driver.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": False})
    return found


def resize(driver, width, height=900):
    """Give the page so many pixels; windows themselves can't be as narrow as a telephone."""
    driver.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride",
        {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False},
    )


def _prefer(driver, scheme):
    feature = {"name": "prefers-color-scheme", "value": scheme}
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [feature]})


def _console(driver):
    """Errors and warnings of the page, and what it couldn't load."""
    entries = driver.get_log("browser")
    return [entry["message"] for entry in entries if entry["level"] in ("SEVERE", "WARNING")]


def _requests(driver, path):
    """What was asked for besides the page: other files as well, but not what is in it."""
    events = [json.loads(entry["message"])["message"] for entry in driver.get_log("performance")]
    urls = [
        event["params"]["request"]["url"]
        for event in events
        if event["method"] == "Network.requestWillBeSent"
    ]
    assert path.as_uri() in urls, "the browser logs no requests"
    return [url for url in urls if url != path.as_uri() and urlsplit(url).scheme != "data"]


# Runs when the page has loaded; the browser lets a driver's scripts run where a page's may not.
_FAULTS = """
const found = [];
const width = document.documentElement.clientWidth;
const box = element => element.getBoundingClientRect();
const isSeen = element => box(element).width > 0 && box(element).height > 0
    && getComputedStyle(element).visibility === "visible";
const scrolls = element => ["auto", "scroll"].includes(getComputedStyle(element).overflowX);
const words = element => element.tagName.toLowerCase() + " " +
    (element.alt || element.textContent).trim().slice(0, 40);

if (!document.title) found.push("no title");
if (!document.querySelector("h1") || !isSeen(document.querySelector("h1"))) {
    found.push("no heading");
}
for (const table of document.querySelectorAll("table")) {
    const columns = table.querySelectorAll("thead th").length;
    const rows = [...table.querySelectorAll("tbody tr")];
    if (!isSeen(table) || !columns || !rows.length) found.push(`empty: ${words(table)}`);
    if (rows.some(row => row.cells.length !== columns)) found.push(`ragged: ${words(table)}`);
}
for (const image of document.images) {
    if (!image.complete || !image.naturalWidth || !image.naturalHeight || !isSeen(image)) {
        found.push(`broken: ${words(image)}`);
    }
}
for (const element of document.body.querySelectorAll("*")) {
    let holder = element.parentElement;
    while (holder && !scrolls(holder)) holder = holder.parentElement;
    const {left, right} = box(element);
    if (!holder && (left < -1 || right > width + 1)) found.push(`too wide: ${words(element)}`);
}
return found;
"""

# Contrast of every text with the nearest background that isn't transparent.
_CONTRASTS = """
const channels = color => color.match(/[0-9.]+/g).map(Number);
const luminance = ([r, g, b]) => [[r, 0.2126], [g, 0.7152], [b, 0.0722]]
    .map(([value, weight]) => [value / 255, weight])
    .reduce((sum, [v, weight]) =>
        sum + weight * (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4), 0);
const background = element => {
    for (; element; element = element.parentElement) {
        const color = channels(getComputedStyle(element).backgroundColor);
        if (color.length < 4 || color[3] > 0) return color;
    }
    return [255, 255, 255];
};
const found = new Map();
const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
while (texts.nextNode()) {
    const text = texts.currentNode.data.trim(), element = texts.currentNode.parentElement;
    if (!text || ["SCRIPT", "STYLE", "NOSCRIPT"].includes(element.tagName)) continue;
    const pair = [luminance(channels(getComputedStyle(element).color)),
                  luminance(background(element))].sort((a, b) => b - a);
    const contrast = (pair[0] + 0.05) / (pair[1] + 0.05);
    found.set(pair.join(), [text.slice(0, 40), contrast]);
}
return [...found.values()];
"""
