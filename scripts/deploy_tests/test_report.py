"""The page that `runawaytrain report` writes, as a browser shows it: on a desk, on a phone, in the dark and on
paper."""

import itertools
import json
import os
import re
import shutil
import struct
import subprocess
import tempfile
import zlib
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from demo_lib.paths import ROOT, TARGET
from lib import ending

CHROMIUM = shutil.which("chromium")
EXAMPLE = TARGET / "debug" / "examples" / "report"
# Left to be looked at.
PICTURES = ROOT / ".build" / "report"
KINDS = ("halted", "halting", "frozen", "released", "calm")
PHONE, DESK = 360, 1200
BUILD_SECONDS, BROWSER_SECONDS = 1800.0, 120.0
FORGED = "<script>document.title='stolen'</script>"
# What the page comes to at the width of a phone: how wide it is, and what sticks out of it. In a frame, for a window
# may not be made so narrow.
MEASURE = """<!doctype html><meta charset="utf-8"><title>not measured</title>
<iframe id="phone" style="width: %(width)dpx; height: 2000px; border: 0"></iframe>
<script>
const phone = document.getElementById("phone");
phone.onload = () => {
  const seen = phone.contentDocument, out = [];
  for (const one of seen.querySelectorAll("body, body *")) {
    const hidden = one.closest(".unseen, thead");
    const sticksOut = one.getBoundingClientRect().right > %(width)d + 0.5;
    if (!hidden && sticksOut) out.push(one.tagName + "." + one.getAttribute("class"));
  }
  const root = seen.documentElement;
  document.title = JSON.stringify({ title: seen.title, scroll: root.scrollWidth, width: root.clientWidth, out });
};
phone.srcdoc = %(page)s;
</script>"""


class Outline(HTMLParser):
    """The headings of a page, and the heads of its tables."""

    def __init__(self) -> None:
        super().__init__()
        self.levels: list[int] = []
        self.heads: list[str | None] = []
        self.scripts = 0

    def handle_starttag(self, tag: str, attrs: list[Any]) -> None:
        if re.fullmatch("h[1-6]", tag):
            self.levels.append(int(tag[1]))
        if tag == "th":
            self.heads.append(dict(attrs).get("scope"))
        self.scripts += tag == "script"


def first_pixel(picture: Path) -> tuple[int, ...]:
    """Of a PNG: red, green and blue. Whatever filter its first line has, its first pixel stands there as it is."""
    data, at, packed = picture.read_bytes(), 8, b""
    while at < len(data):
        length, kind = struct.unpack(">I4s", data[at : at + 8])
        packed += data[at + 8 : at + 8 + length] if kind == b"IDAT" else b""
        at += length + 12
    return tuple(zlib.decompress(packed)[1:4])


pytestmark = [
    pytest.mark.timeout(3600),
    pytest.mark.skipif(
        not CHROMIUM,
        reason="no browser looks at the report's page here: there is no chromium (apt-get install chromium)",
    ),
]


def written(kind: str) -> Path:
    """A page of the simulated organization."""
    done = ending.run([EXAMPLE, kind], BROWSER_SECONDS, stdout=subprocess.PIPE, text=True, cwd=ROOT)
    assert done.returncode == 0, f"the example made no page: {kind}"
    page = PICTURES / f"{kind}.html"
    page.write_text(done.stdout)
    return page


class Browser:
    def __init__(self, folder: Path):
        self.folder = folder
        self.pages = {kind: written(kind) for kind in KINDS}

    def browse(self, page: Path, *options: str) -> str:
        """What the browser writes about a page. It must not have anything to complain of."""
        profile = tempfile.mkdtemp(dir=self.folder)
        command = [
            CHROMIUM,
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--hide-scrollbars",
            "--enable-logging=stderr",
            "--v=0",
        ]
        command += [f"--user-data-dir={profile}", *options, page.as_uri()]
        done = ending.run(
            command, BROWSER_SECONDS, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=os.sep
        )
        assert done.returncode == 0, done.stderr
        assert [line for line in done.stderr.splitlines() if "CONSOLE" in line] == []
        return done.stdout

    def picture(self, page: Path, name: str, *options: str) -> Path:
        picture = PICTURES / f"{name}.png"
        picture.unlink(missing_ok=True)
        self.browse(page, f"--screenshot={picture}", *options)
        return picture

    def at_width(self, page: Path, width: int) -> dict[str, Any]:
        frame = self.folder / f"{page.stem}-{width}.html"
        # A string of a script that ends no script.
        text = json.dumps(page.read_text()).replace("<", "\\u003c")
        frame.write_text(MEASURE % {"width": width, "page": text})
        [title] = re.findall("<title>(.*?)</title>", self.browse(frame, "--dump-dom"), re.DOTALL)
        return json.loads(title.replace("&quot;", '"').replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&"))


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Browser:
    PICTURES.mkdir(parents=True, exist_ok=True)
    # Over the whole workspace: with its package alone cargo would unify features differently and compile the SDK a
    # second time.
    build = ["cargo", "build", "--quiet", "--locked", "--workspace", "--example", "report"]
    ending.run(build, BUILD_SECONDS, cwd=ROOT).check_returncode()
    return Browser(tmp_path_factory.mktemp("report"))


def test_nothing_sticks_out_at_the_width_of_a_phone(browser: Browser, subtests: pytest.Subtests) -> None:
    for kind, page in browser.pages.items():
        with subtests.test(kind):
            seen = browser.at_width(page, PHONE)
            assert (seen["scroll"], seen["width"], seen["out"]) == (PHONE, PHONE, [])
            assert seen["title"] != "stolen"


def test_a_browser_reads_it_as_it_is_meant_and_runs_nothing(browser: Browser, subtests: pytest.Subtests) -> None:
    for kind, page in browser.pages.items():
        with subtests.test(kind):
            document = browser.browse(page, "--dump-dom")
            outline = Outline()
            outline.feed(document)
            assert outline.levels.count(1) == 1
            assert all(after <= before + 1 for before, after in itertools.pairwise(outline.levels)), outline.levels
            assert set(outline.heads) <= {"col", "row"}
            assert outline.scripts == 0
            assert not re.search(r"https?:|url\(|@import|<link|<img", page.read_text())


def test_a_name_that_is_markup_is_read_as_a_name(browser: Browser) -> None:
    text = browser.pages["halted"].read_text()
    assert FORGED not in text
    assert "&lt;script&gt;document.title=&#39;stolen&#39;&lt;/script&gt;" in text
    assert "\u202e" not in text


def test_it_is_light_or_dark_as_its_reader_has_it(browser: Browser) -> None:
    for kind, page in browser.pages.items():
        size = f"--window-size={DESK},3000"
        light = browser.picture(page, f"{kind}-light", size, "--blink-settings=preferredColorScheme=1")
        dark = browser.picture(page, f"{kind}-dark", size, "--blink-settings=preferredColorScheme=0")
        assert min(first_pixel(light)) > 240
        assert max(first_pixel(dark)) < 40


def test_it_can_be_printed_and_read_on_a_phone(browser: Browser) -> None:
    for kind, page in browser.pages.items():
        paper = PICTURES / f"{kind}.pdf"
        paper.unlink(missing_ok=True)
        # Paper is white, whatever the screen is.
        browser.browse(
            page, f"--print-to-pdf={paper}", "--no-pdf-header-footer", "--blink-settings=preferredColorScheme=0"
        )
        assert paper.read_bytes()[:5] == b"%PDF-"
        frame = browser.folder / f"{kind}-phone.html"
        text = page.read_text().replace("&", "&amp;").replace('"', "&quot;")
        frame.write_text(
            f'<!doctype html><style>body {{ margin: 0 }}</style><iframe srcdoc="{text}" style="width: {PHONE}px;'
            ' height: 5000px; border: 0"></iframe>'
        )
        browser.picture(frame, f"{kind}-phone", f"--window-size={PHONE},5000")
