"""Chromium for tests of pages, where there is one."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, sync_playwright

_NAMES = ("chromium", "chromium-browser", "google-chrome")


# No longer than a module: its event loop runs in this thread, where other tests want one of their own.
@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A headless one. Without any the test is skipped, and fails where BROWSER_TESTS is `required`."""
    found = next((path for name in _NAMES if (path := shutil.which(name))), None)
    if found is None:
        reason = f"there is no browser: none of {', '.join(_NAMES)} is installed"
        (pytest.fail if os.environ.get("BROWSER_TESTS") == "required" else pytest.skip)(reason)
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=found, args=["--no-sandbox"])
        yield launched
        launched.close()
