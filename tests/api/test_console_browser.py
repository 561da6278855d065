"""The console in a browser: used, also by keyboard alone, and attacked; readable by everybody."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from memory import Memory
from memory.api.app import open_store
from memory.settings import Settings
from tests.api.conftest import DOG, QUESTION, Founded, live
from tests.browser import browser  # noqa: F401  a fixture
from tests.command import echoes

PATIENCE_MS = 60_000  # a busy machine takes its time
expect.set_options(timeout=PATIENCE_MS)

PAGES = (
    "ask",
    "memories?user_id=ana",
    "people",
    "people/one?user_id=ana",
    "jobs",
    "activity",
    "keys",
    "audit",
    "start",
)
PAYLOADS = (
    "<script>window.taken = 1</script> My dog is called Rex.",
    '"><img src=x onerror="window.taken = 2"> My cat is called Tom.',
    "</textarea></title><svg/onload=window.taken=3> My boat is called Argo.",
    "javascript:window.taken=4 is what my sister says.",
    "{{ 7 * 7 }}{% for x in y %} My street is called <b>Elm</b>.",
    "' autofocus onfocus='window.taken=5' My car is called Zoe.",
)
# Text that is too faint on what is behind it, by the formula of WCAG 2; large text may be fainter.
FAINT = """() => {
  const parts = (color) => color.match(/[\\d.]+/g).map(Number);
  const light = ([r, g, b]) => [r, g, b].map((v) => v / 255)
    .map((v) => (v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4))
    .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
  const behind = (element) => {
    for (let one = element; one; one = one.parentElement) {
      const found = parts(getComputedStyle(one).backgroundColor);
      if (found.length === 3 || found[3] > 0) return found;
    }
    return [255, 255, 255];
  };
  const faint = [];
  for (const element of document.querySelectorAll("body *")) {
    const says = [...element.childNodes].some((node) => node.nodeType === 3 && node.data.trim());
    if (!says || !element.checkVisibility() || element.closest("svg")) continue;
    const [a, b] = [light(parts(getComputedStyle(element).color)), light(behind(element))];
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    if (ratio < 4.5) faint.push(`${element.textContent.trim().slice(0, 30)}: ${ratio.toFixed(1)}`);
  }
  return faint;
}"""
NAMELESS = """() => [...document.querySelectorAll(
    "input:not([type=hidden]), textarea, select, button, a, progress, svg")]
  .filter((one) => one.checkVisibility() && !(one.labels?.length || one.ariaLabel || one.textContent.trim()))
  .map((one) => one.outerHTML)"""


@dataclass
class Console:
    """A console, and a page of it where an admin is signed in."""

    url: str
    page: Page
    memory: Memory
    key: str
    wrong: list[str]  # what the browser complained about

    def open(self, path: str) -> Page:
        self.page.goto(f"{self.url}/console/{path}")
        return self.page


@pytest.fixture
def console(browser: Browser, founded: Founded, tmp_path: Path) -> Iterator[Console]:  # noqa: F811
    settings = Settings.load(home=founded.copied(tmp_path / "home"), async_text_bytes=2000)
    with (
        Memory(settings, store=open_store(settings), **echoes()) as memory,
        live(memory) as url,
        browser.new_context(reduced_motion="reduce") as context,
    ):
        page, wrong = context.new_page(), list[str]()
        page.set_default_timeout(PATIENCE_MS)
        page.on("console", lambda said: wrong.append(said.text) if said.type == "error" else None)
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on("dialog", lambda dialog: wrong.append(dialog.message))
        console = Console(url, page, memory, founded.keys["acme-admin"], wrong)
        console.open("sign-in").get_by_label("API key").fill(console.key)
        page.get_by_role("button", name="Sign in").click()
        expect(page.get_by_role("navigation")).to_be_visible()
        yield console


def test_told_asked_explained_and_forgotten(console: Console) -> None:
    """With a mouse: nothing goes wrong in the browser, and what is forgotten is found no more."""
    page = console.open("memories")
    tell = page.locator("form", has=page.get_by_role("heading", name="Tell"))
    tell.get_by_label("User", exact=True).fill("ana")
    tell.get_by_label("Text").fill(DOG)
    tell.get_by_role("button", name="Remember").click()
    expect(page.get_by_text("stored", exact=True)).to_be_visible()
    page.get_by_role("link", name="Ask").click()
    page.get_by_label("User", exact=True).fill("ana")
    page.get_by_label("Question").fill(QUESTION)
    page.get_by_role("button", name="Ask").click()
    answers = page.get_by_role("article")
    expect(answers.filter(has_text="With adapters")).to_contain_text("Biscuit")
    expect(answers.filter(has_text="Without memory")).not_to_contain_text("Biscuit")
    why = page.get_by_role("row").filter(has_text=DOG)
    expect(why).to_contain_text("merged")
    why.get_by_role("link").click()
    page.get_by_role("button", name="Forget").click()
    expect(page.get_by_role("heading", name="Forgotten")).to_be_visible()
    console.open("memories?user_id=ana")
    expect(page.get_by_text("No memories here.")).to_be_visible()
    assert console.wrong == []


def reach(page: Page, name: str) -> None:
    """Tab on until what has the focus is called so."""
    for _ in range(60):
        page.keyboard.press("Tab")
        called = page.evaluate(
            """() => { const one = document.activeElement;
            return (one.labels?.length ? one.labels[0].textContent : one.textContent).trim(); }"""
        )
        if called.startswith(name):
            return
    raise AssertionError(f"{name} is not reached")


def test_the_same_by_keyboard_alone(console: Console) -> None:
    """Sign out and in, tell, ask, look at why, forget: Tab, Enter and letters."""
    page, keys = console.page, console.page.keyboard
    reach(page, "Sign out")
    keys.press("Enter")
    expect(page.get_by_label("API key")).to_be_visible()
    reach(page, "API key")
    keys.type(console.key)
    keys.press("Enter")
    expect(page.get_by_role("navigation")).to_be_visible()
    reach(page, "Memories")
    keys.press("Enter")
    page.wait_for_url("**/memories")
    reach(page, "Show")
    reach(page, "User")
    keys.type("ana")
    reach(page, "Text")
    keys.type(DOG)
    reach(page, "Remember")
    keys.press("Enter")
    expect(page.get_by_text("stored", exact=True)).to_be_visible()
    reach(page, "To the content")
    keys.press("Enter")  # past the navigation
    reach(page, DOG)
    keys.press("Enter")
    page.wait_for_url(re.compile(r"/memories/\w+$"))
    reach(page, "Ask")
    keys.press("Enter")
    page.wait_for_url("**/ask")
    reach(page, "User")
    keys.type("ana")
    reach(page, "Question")
    keys.type(QUESTION)
    reach(page, "Ask")
    keys.press("Enter")
    expect(page.get_by_role("article").first).to_contain_text("Biscuit")
    reach(page, DOG)
    keys.press("Enter")
    page.wait_for_url(re.compile(r"/memories/\w+$"))
    reach(page, "Forget")
    keys.press("Enter")
    expect(page.get_by_role("heading", name="Forgotten")).to_be_visible()
    assert console.memory.list(user_id="ana", tenant_id="acme").records == ()


def test_a_memory_that_is_a_script_runs_nowhere(console: Console) -> None:
    """Told, asked, listed, edited, as names of users and documents: it is text, and runs nothing."""
    page = console.page
    for payload in PAYLOADS:
        console.memory.add(payload, user_id="ana", tenant_id="acme")
        console.memory.add(payload, user_id=payload, document_id=payload, tenant_id="acme")
    for path in PAGES:
        console.open(path)
        assert page.evaluate("window.taken") is None, path
    told = [record.text for record in console.memory.list(user_id="ana", tenant_id="acme").records]
    assert len(told) == len(PAYLOADS)
    for text in told:
        console.open("memories?user_id=ana").get_by_role("link", name=text).click()
        expect(page.locator("blockquote")).to_have_text(text)
        expect(page.get_by_label("Text")).to_have_value(text)
        assert page.evaluate("window.taken") is None
    for payload in PAYLOADS:
        console.open("people").get_by_role("link", name=payload).click()
        expect(page.get_by_role("heading", level=1)).to_have_text(payload)
        console.open("ask").get_by_label("User", exact=True).fill("ana")
        page.get_by_label("Question").fill(payload)
        page.get_by_role("button", name="Ask").click()
        expect(page.locator(".asked")).to_have_text(payload)
        assert page.evaluate("window.taken") is None
    assert console.wrong == []


def test_a_script_in_a_page_would_not_run(console: Console) -> None:
    """Were markup to get in all the same: the policy refuses inline scripts and other origins."""
    page = console.open("people")
    page.evaluate("""() => {
        const one = document.createElement("div");
        one.innerHTML = '<img src="x" onerror="window.taken = 1">';
        document.body.append(one);
        const script = document.createElement("script");
        script.textContent = "window.taken = 2";
        document.body.append(script);
        const far = document.createElement("script");
        far.src = "https://far.example/x.js";
        document.body.append(far);
    }""")
    for _ in range(PATIENCE_MS // 100):
        if sum("Content Security Policy" in said for said in console.wrong) >= 3:
            break
        page.wait_for_timeout(100)
    assert sum("Content Security Policy" in said for said in console.wrong) >= 3
    assert page.evaluate("window.taken") is None


def test_another_sites_page_can_do_nothing(console: Console) -> None:
    """A form that it sends for whoever is signed in is refused, and what it cannot send erases nothing."""
    console.memory.add(DOG, user_id="ana", tenant_id="acme")
    page = console.page.context.new_page()
    form = f"""<form method="post" action="{console.url}/console/erase">
        <input name="user_id" value="ana"><input name="confirm" value="ana"><button>Win</button></form>"""
    page.route("http://evil.example/*", lambda route: route.fulfill(body=form, content_type="text/html"))
    page.goto("http://evil.example/")
    with page.expect_response("**/console/erase") as answered:
        page.get_by_role("button").click()
    assert answered.value.status in (401, 403)
    assert len(console.memory.list(user_id="ana", tenant_id="acme").records) == 1


def test_no_page_shows_a_secret(console: Console) -> None:
    """Neither the key that was signed in with, nor the session's token, which no script can read."""
    [cookie] = console.page.context.cookies()
    assert (cookie["httpOnly"], cookie["sameSite"]) == (True, "Strict")
    for path in PAGES:
        page = console.open(path)
        assert console.key not in page.content()
        assert cookie["value"] not in page.content()
        assert page.evaluate("document.cookie") == ""
        kept = page.evaluate("JSON.stringify({...localStorage, ...sessionStorage})")
        assert cookie["value"] not in kept
        assert console.key not in kept


def test_a_job_is_followed_without_reloading(console: Console) -> None:
    """The page of a long document says by itself that it is done."""
    long = " ".join(f"Room {n} of the hotel has {n * 7} windows." for n in range(120))
    page = console.open("people")
    page.get_by_label("User", exact=True).fill("ana")
    page.get_by_label("File", exact=True).set_input_files(
        {"name": "hotel.txt", "mimeType": "text/plain", "buffer": long.encode()}
    )
    page.get_by_role("button", name="Upload").click()
    page.wait_for_url(re.compile(r"/jobs/\w+$"))
    expect(page.get_by_text("done", exact=True)).to_be_visible()
    assert console.wrong == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_pages_can_be_read_by_everybody(console: Console, scheme: str) -> None:
    """In 400 pixels nothing is cut off, text stands out from what is behind it, what is used has a name."""
    console.memory.add(f"{'x' * 300} {DOG}", user_id="ana", document_id="d" * 200, tenant_id="acme")
    page = console.page
    page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
    page.set_viewport_size({"width": 400, "height": 800})
    for path in PAGES:
        console.open(path)
        assert page.evaluate("document.documentElement.scrollWidth") <= 400, path
        assert page.evaluate(FAINT) == [], path
        assert page.evaluate(NAMELESS) == [], path
        assert page.get_by_role("heading", level=1).count() == 1, path
