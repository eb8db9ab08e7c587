"""A real browser for tests of the page: Debian's Chromium, headless, and what a visitor does."""

import json
import os
import shutil
from contextlib import contextmanager
from urllib.parse import urlsplit

import pytest

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
DRIVER = shutil.which("chromedriver")
PATIENCE_SECONDS = 60
"""What a visitor waits for appears at once, or the page is broken; a busy machine takes longer."""

needs_chromium = pytest.mark.skipif(
    CHROMIUM is None or DRIVER is None,
    reason="the page is tested in Debian's Chromium: apt install chromium chromium-driver",
)

DESKTOP, PHONE = (1280, 900), (390, 844)


@contextmanager
def browser(size=DESKTOP, *, is_dark=False, downloads=None):
    """A visitor's browser, until the block ends."""
    from selenium import webdriver
    from selenium.webdriver.chrome.options import Options
    from selenium.webdriver.chrome.service import Service

    options = Options()
    options.binary_location = CHROMIUM
    arguments = [
        "--headless=new", "--disable-gpu", "--disable-dev-shm-usage", "--mute-audio",
        "--hide-scrollbars", "--autoplay-policy=no-user-gesture-required",
        f"--window-size={size[0]},{size[1]}",
        *(["--no-sandbox"] if os.geteuid() == 0 else []),
    ]  # fmt: skip
    for argument in arguments:
        options.add_argument(argument)
    if downloads is not None:
        options.add_experimental_option("prefs", {"download.default_directory": str(downloads)})
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    driver = webdriver.Chrome(options=options, service=Service(DRIVER))
    try:
        show_on(driver, size, is_dark=is_dark)
        yield driver
    finally:
        driver.quit()


def show_on(driver, size, *, is_dark=False, scale=1):
    """Makes the window that of a desktop or a phone, light or dark."""
    metrics = {"width": size[0], "height": size[1], "deviceScaleFactor": scale}
    metrics["mobile"] = size[0] < 600
    driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
    scheme = {"name": "prefers-color-scheme", "value": "dark" if is_dark else "light"}
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [scheme]})


class Visitor:
    """Somebody who looks at the page of a server and presses its buttons."""

    def __init__(self, driver, address):
        self.driver = driver
        self.address = address

    def visit(self):
        """Loads the page, and waits until it has life."""
        self.driver.get(f"{self.address}/")
        self.wait(lambda: self.all("#ovi-stage .ovi-stage") and self.all("#ovi-plan p"))
        return self

    def wait(self, condition, message=""):
        """What a condition gives as soon as that is something."""
        from selenium.common.exceptions import StaleElementReferenceException
        from selenium.webdriver.support.ui import WebDriverWait

        waiting = WebDriverWait(
            self.driver, PATIENCE_SECONDS, 0.1, ignored_exceptions=[StaleElementReferenceException]
        )
        return waiting.until(lambda _: condition(), message or self.text("body")[:2000])

    def all(self, selector):
        """The elements of a selector that can be seen."""
        from selenium.webdriver.common.by import By

        found = self.driver.find_elements(By.CSS_SELECTOR, selector)
        return [element for element in found if element.is_displayed()]

    def one(self, selector):
        """The first element of a selector, as soon as it is there."""
        return self.wait(lambda: self.all(selector), f"nothing to see of {selector}")[0]

    def text(self, selector):
        """The words in an element; "" while it is not there."""
        from selenium.common.exceptions import StaleElementReferenceException

        try:
            return " ".join(element.text for element in self.all(selector))
        except StaleElementReferenceException:
            return ""

    def reads(self, selector, words):
        """Waits until words stand in an element."""
        self.wait(
            lambda: words in self.text(selector),
            f"{words!r} never stood in {selector}: {self.text(selector)!r}",
        )

    def press(self, selector, words=None):
        """Presses a button, by the words on it where there are several."""
        from selenium.common.exceptions import (
            ElementClickInterceptedException,
            StaleElementReferenceException,
        )

        def pressed():
            for element in self.all(selector):
                if words is None or words in element.text:
                    try:
                        self.driver.execute_script(
                            "arguments[0].scrollIntoView({block: 'center'})", element
                        )
                        element.click()
                        return True
                    except (ElementClickInterceptedException, StaleElementReferenceException):
                        return False  # the page is being painted anew
            return False

        self.wait(pressed, f"no button {words!r} in {selector}")

    def tab(self, name):
        """Opens a tab."""
        self.press("button[role=tab]", name)

    def fill(self, selector, text):
        """Writes into a field in place of what is there, as pasting does."""
        from selenium.webdriver.common.keys import Keys

        field = self.one(selector)
        field.send_keys(Keys.CONTROL, "a")
        field.send_keys(Keys.DELETE)
        field.send_keys(text)

    def value(self, selector):
        """What stands in a field."""
        return self.one(selector).get_property("value")

    def choose(self, selector, option):
        """Chooses from a dropdown."""
        self.press(f"{selector} input")
        self.press("ul[role=listbox] li", option)

    def unfold(self, title):
        """Opens a folded part of the form."""
        for label in self.all("button.label-wrap"):
            if title in label.text and "open" not in (label.get_attribute("class") or ""):
                self.driver.execute_script("arguments[0].click()", label)

    def notice(self):
        """The words of the notices that are shown."""
        return self.text(".toast-body")

    def agree(self):
        """Says yes to a question."""
        from selenium.webdriver.support import expected_conditions
        from selenium.webdriver.support.ui import WebDriverWait

        waiting = WebDriverWait(self.driver, PATIENCE_SECONDS)
        waiting.until(expected_conditions.alert_is_present()).accept()


def requests_of(driver):
    """The addresses asked for since somebody looked last, and those that could not be had."""
    asked, failed = [], []
    for line in driver.get_log("performance"):
        message = json.loads(line["message"])["message"]
        if message["method"] == "Network.requestWillBeSent":
            asked.append(message["params"]["request"]["url"])
        elif message["method"] == "Network.loadingFailed" and not message["params"].get("canceled"):
            failed.append(message["params"].get("errorText"))
    return asked, failed


def hosts_of(addresses):
    """The hosts among addresses; what a page makes for itself has none."""
    schemes = ("http", "https", "ws", "wss")
    parts = [urlsplit(address) for address in addresses]
    return {part.netloc for part in parts if part.scheme in schemes}
