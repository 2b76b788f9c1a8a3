"""The page in a browser: sorting, filters, keyboard, colours, a phone's width, hostile texts."""

from __future__ import annotations

import shutil

import pytest

from metabench.page import site
from tests.page import hostile

PHONE = 400  # pixels
BROWSER, DRIVER = shutil.which("chromium"), shutil.which("chromedriver")
webdriver = pytest.importorskip("selenium.webdriver", reason="selenium is not installed")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not (BROWSER and DRIVER), reason="no chromium with its chromedriver here"),
    # Its threads end when they like, and their sockets with them.
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
]


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    folder = tmp_path_factory.mktemp("browser")
    site.write(hostile.write(folder / "leaderboards"), folder / "site")
    return (folder / "site" / "index.html").as_uri()


@pytest.fixture(scope="module")
def driver():
    options = webdriver.ChromeOptions()
    options.binary_location = BROWSER
    for argument in ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    started = webdriver.Chrome(options, webdriver.ChromeService(DRIVER))
    yield started
    started.quit()


@pytest.fixture
def page(driver, address):
    """The page anew in a wide, light window; afterwards the console is empty."""
    emulate(driver, 1400, "light")
    driver.get("about:blank")
    driver.get(address)
    yield driver
    assert driver.get_log("browser") == []
    assert driver.execute_script("return window.hacked") is None


def emulate(driver, width, colours):
    size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width <= PHONE}
    driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    features = [
        {"name": "prefers-color-scheme", "value": colours},
        {"name": "prefers-reduced-motion", "value": "reduce"},  # a click waits for no scrolling
    ]
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})


def css(page, selector):
    return page.find_elements("css selector", selector)


def texts(page, selector):
    return [one.text for one in css(page, selector) if one.is_displayed()]


def board(page):
    """The selector of the board with the hostile learner."""
    (found,) = css(page, ".board[id*='1shot']")
    return f"#{found.get_attribute('id')}"


def names(page):
    """The learners of that board, from the top."""
    return texts(page, f"{board(page)} .ranking tbody th")


def settle(page):
    """Wait longer than the search does."""
    page.execute_async_script("setTimeout(arguments[0], 250)")


def type_in(page, words):
    field = css(page, "#f-search")[0]
    field.clear()
    field.send_keys(words)
    settle(page)


def choose(page, name, value):
    css(page, f"#{name} option[value='{value}']")[0].click()
    settle(page)


def head(page, title):
    for one in css(page, f"{board(page)} .ranking thead th"):
        if one.text.split("\n")[0].startswith(title):
            return one
    raise AssertionError(title)


def test_headings_sort_and_say_so(page):
    first = names(page)
    assert first == ["protonet", "matching", hostile.SCRIPT]
    parameters = head(page, "parameters")
    button = parameters.find_element("css selector", "button")
    button.click()
    assert parameters.get_attribute("aria-sort") == "ascending"
    assert names(page)[0] == "matching"  # 9 are fewer than 112,000, whatever their letters
    button.click()
    assert parameters.get_attribute("aria-sort") == "descending"
    assert names(page)[-1] == "matching"
    assert head(page, "#").get_attribute("aria-sort") == "none"
    head(page, "learner").find_element("css selector", "button").click()
    assert names(page) == [hostile.SCRIPT, "matching", "protonet"]
    seeds = head(page, "seed spread").find_element("css selector", "button")
    for _ in range(2):  # whichever way, what has no figure is last
        seeds.click()
        assert names(page)[0] == "protonet"


def test_search_and_filters(page):
    (all_of_them,) = texts(page, "#found")
    assert all_of_them == "8 of 8 entries on 6 boards"
    type_in(page, "PROTO strokes")
    assert texts(page, "#found") == ["1 of 8 entries on 1 boards"]
    assert names(page) == ["protonet"]
    assert len(texts(page, "nav li")) == 1
    type_in(page, "no such thing")
    assert texts(page, "#nothing") == ["No entry is left. Show all"]
    css(page, "#all")[0].click()
    settle(page)
    assert texts(page, "#found") == [all_of_them]
    for name, value, number in (
        ("f-transductive", "yes", 1), ("f-training", "none", 0), ("f-extra", "yes", 1),
        ("f-status", "replayed", 0), ("f-status", "claimed", 8), ("f-size", "10000", 2),
    ):  # fmt: skip
        choose(page, name, value)
        assert texts(page, "#found")[0].startswith(f"{number} of 8"), (name, value)
        css(page, "#filters button[type=reset]")[0].click()
        settle(page)
    (option,) = [one for one in css(page, "#f-track option") if "optimizers" in one.text]
    option.click()
    settle(page)
    assert texts(page, "main h2") == ["Learned optimizers"]
    assert "adam" in texts(page, ".ranking tbody th")  # its references stay with an entry


def test_by_keyboard_alone(page):
    from selenium.webdriver import ActionChains, Keys

    def press(*keys):
        ActionChains(page).send_keys(*keys).perform()

    press(Keys.TAB)
    assert page.switch_to.active_element.text == "Skip to the leaderboards"
    press(Keys.ENTER)
    assert page.switch_to.active_element.get_attribute("id") == "main"
    button = head(page, "parameters").find_element("css selector", "button")
    for _ in range(40):
        if page.switch_to.active_element == button:
            break
        press(Keys.TAB)
    assert page.switch_to.active_element == button
    outline = button.value_of_css_property("outline-style")
    assert outline == "solid"  # the focus is seen
    press(Keys.SPACE)
    assert head(page, "parameters").get_attribute("aria-sort") == "ascending"
    link = css(page, f"{board(page)} .ranking tbody th a")[-1]
    page.execute_script("arguments[0].focus()", link)
    press(Keys.ENTER)
    settle(page)
    assert page.switch_to.active_element.tag_name == "summary"  # of the entry's details, open now
    assert page.switch_to.active_element.is_displayed()


def test_a_link_to_an_entry_opens_its_looks(page):
    link = next(one for one in css(page, ".ranking tbody th a") if one.text == hostile.SCRIPT)
    link.click()
    settle(page)
    shown = [one for one in css(page, ".look .pic") if one.is_displayed()]
    assert [one.size for one in shown] == [{"width": 40, "height": 40}] * 6
    widths = page.execute_async_script(
        "const done = arguments[0];"
        "const all = [...document.querySelectorAll('.look .pic')];"
        "const found = all.map((one) => getComputedStyle(one).backgroundImage.slice(5, -2));"
        "Promise.all(found.map((uri) => { const image = new Image(); image.src = uri;"
        "return image.decode().then(() => image.naturalWidth); })).then(done, done);"
    )
    assert widths == [8] * 6  # the images are images
    assert hostile.SCRIPT in css(page, ".look")[0].text


def background(page):
    colour = page.execute_script("return getComputedStyle(document.body).backgroundColor")
    return sum(map(int, colour.removeprefix("rgb(").rstrip(")").split(",")))


def contrast(page, selector):
    """Of an element's colour with the page's background, as WCAG counts it."""
    return page.execute_script(
        """
        const light = (text) => {
          const part = text.match(/[\\d.]+/g).slice(0, 3).map((value) => {
            const share = value / 255;
            return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
          });
          return 0.2126 * part[0] + 0.7152 * part[1] + 0.0722 * part[2] + 0.05;
        };
        const style = getComputedStyle(document.querySelector(arguments[0]));
        const own = style[arguments[0].includes("svg") ? "fill" : "color"];
        const pair = [light(own), light(getComputedStyle(document.body).backgroundColor)];
        return Math.max(...pair) / Math.min(...pair);
        """,
        selector,
    )


@pytest.mark.parametrize("colours", ["light", "dark"])
def test_colours_are_the_system_s_and_can_be_read(page, colours):
    emulate(page, 1400, colours)
    assert (background(page) > 600) == (colours == "light")
    for selector in ("body", "figcaption", "a", ".ranking td", "svg text", ".s0", ".s4"):
        assert contrast(page, selector) >= 4.5, selector
    other = {"light": "dark", "dark": "light"}[colours]
    choose(page, "theme", other)
    assert (background(page) > 600) == (other == "light")
    page.refresh()
    assert (background(page) > 600) == (other == "light")  # the choice is kept
    choose(page, "theme", "")


def test_a_phone_scrolls_no_page_sideways(page):
    emulate(page, PHONE, "dark")
    page.refresh()
    page.execute_script("for (const one of document.querySelectorAll('details')) one.open = true")
    settle(page)
    assert page.execute_script("return document.documentElement.scrollWidth") <= PHONE
    wide = css(page, ".scroll")[0]
    assert page.execute_script("return arguments[0].scrollWidth > 400", wide)  # tables do
    for field in css(page, "#filters input, #filters select"):
        assert field.rect["height"] >= 34  # as high as a finger needs


def test_without_scripts_all_is_there(page, address):
    page.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": True})
    try:
        page.get(address)
        assert names(page) == ["protonet", "matching", hostile.SCRIPT]
        assert not css(page, "#filters")[0].is_displayed()  # no controls that do nothing
    finally:
        page.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": False})
