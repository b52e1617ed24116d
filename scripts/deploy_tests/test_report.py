"""The page that `runawaytrain report` writes, as a browser shows it: on a desk, on a phone, in the dark and on paper."""

import json
import os
import re
import shutil
import struct
import subprocess
import tempfile
import unittest
import zlib
from html.parser import HTMLParser
from pathlib import Path

from demo_lib.paths import ROOT
from lib import ending

CHROMIUM = shutil.which("chromium")
EXAMPLE = Path(os.environ["CARGO_TARGET_DIR"]) / "debug" / "examples" / "report"
# Left to be looked at.
PICTURES = ROOT / ".build" / "report"
KINDS = ("halted", "halting", "frozen", "released", "calm")
PHONE, DESK = 360, 1200
BUILD_SECONDS, BROWSER_SECONDS = 1800, 120
FORGED = "<script>document.title='stolen'</script>"
# What the page comes to at the width of a phone: how wide it is, and what sticks out of it. In a frame, for a window may not be made so narrow.
MEASURE = """<!doctype html><meta charset="utf-8"><title>not measured</title>
<iframe id="phone" style="width: %(width)dpx; height: 2000px; border: 0"></iframe>
<script>
const phone = document.getElementById("phone");
phone.onload = () => {
  const seen = phone.contentDocument, out = [];
  for (const one of seen.querySelectorAll("body, body *")) {
    const hidden = one.closest(".unseen, thead");
    if (!hidden && one.getBoundingClientRect().right > %(width)d + 0.5) out.push(one.tagName + "." + one.getAttribute("class"));
  }
  const root = seen.documentElement;
  document.title = JSON.stringify({ title: seen.title, scroll: root.scrollWidth, width: root.clientWidth, out });
};
phone.srcdoc = %(page)s;
</script>"""


class Outline(HTMLParser):
    """The headings of a page, and the heads of its tables."""

    def __init__(self):
        super().__init__()
        self.levels, self.heads, self.scripts = [], [], 0

    def handle_starttag(self, tag: str, attrs: list) -> None:
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


@unittest.skipUnless(
    CHROMIUM, "no browser looks at the report's page here: there is no chromium (apt-get install chromium)"
)
class ReportPage(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        PICTURES.mkdir(parents=True, exist_ok=True)
        folder = tempfile.TemporaryDirectory(prefix="runawaytrain-report-")
        cls.addClassCleanup(folder.cleanup)
        cls.folder = Path(folder.name)
        # Over the whole workspace: with its package alone cargo would unify features differently and compile the SDK a second time.
        build = ["cargo", "build", "--quiet", "--locked", "--workspace", "--example", "report"]
        ending.run(build, BUILD_SECONDS, cwd=ROOT).check_returncode()
        cls.pages = {kind: cls.written(kind) for kind in KINDS}

    @staticmethod
    def written(kind: str) -> Path:
        """A page of the simulated organization."""
        done = ending.run([EXAMPLE, kind], BROWSER_SECONDS, stdout=subprocess.PIPE, text=True, cwd=ROOT)
        if done.returncode != 0:
            raise AssertionError(f"the example made no page: {kind}")
        page = PICTURES / f"{kind}.html"
        page.write_text(done.stdout)
        return page

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
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual([line for line in done.stderr.splitlines() if "CONSOLE" in line], [])
        return done.stdout

    def picture(self, page: Path, name: str, *options: str) -> Path:
        picture = PICTURES / f"{name}.png"
        picture.unlink(missing_ok=True)
        self.browse(page, f"--screenshot={picture}", *options)
        return picture

    def at_width(self, page: Path, width: int) -> dict:
        frame = self.folder / f"{page.stem}-{width}.html"
        # A string of a script that ends no script.
        text = json.dumps(page.read_text()).replace("<", "\\u003c")
        frame.write_text(MEASURE % {"width": width, "page": text})
        title = re.search("<title>(.*?)</title>", self.browse(frame, "--dump-dom"), re.DOTALL)
        return json.loads(
            title[1].replace("&quot;", '"').replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
        )

    def test_nothing_sticks_out_at_the_width_of_a_phone(self):
        for kind, page in self.pages.items():
            with self.subTest(kind):
                seen = self.at_width(page, PHONE)
                self.assertEqual((seen["scroll"], seen["width"], seen["out"]), (PHONE, PHONE, []))
                self.assertNotEqual(seen["title"], "stolen")

    def test_a_browser_reads_it_as_it_is_meant_and_runs_nothing(self):
        for kind, page in self.pages.items():
            with self.subTest(kind):
                document = self.browse(page, "--dump-dom")
                outline = Outline()
                outline.feed(document)
                self.assertEqual(outline.levels.count(1), 1)
                self.assertTrue(
                    all(after <= before + 1 for before, after in zip(outline.levels, outline.levels[1:])),
                    outline.levels,
                )
                self.assertLessEqual(set(outline.heads), {"col", "row"})
                self.assertEqual(outline.scripts, 0)
                self.assertNotRegex(page.read_text(), r"https?:|url\(|@import|<link|<img")

    def test_a_name_that_is_markup_is_read_as_a_name(self):
        text = self.pages["halted"].read_text()
        self.assertNotIn(FORGED, text)
        self.assertIn("&lt;script&gt;document.title=&#39;stolen&#39;&lt;/script&gt;", text)
        self.assertNotIn("\u202e", text)

    def test_it_is_light_or_dark_as_its_reader_has_it(self):
        for kind, page in self.pages.items():
            size = f"--window-size={DESK},3000"
            light = self.picture(page, f"{kind}-light", size, "--blink-settings=preferredColorScheme=1")
            dark = self.picture(page, f"{kind}-dark", size, "--blink-settings=preferredColorScheme=0")
            self.assertGreater(min(first_pixel(light)), 240)
            self.assertLess(max(first_pixel(dark)), 40)

    def test_it_can_be_printed_and_read_on_a_phone(self):
        for kind, page in self.pages.items():
            paper = PICTURES / f"{kind}.pdf"
            paper.unlink(missing_ok=True)
            # Paper is white, whatever the screen is.
            self.browse(
                page, f"--print-to-pdf={paper}", "--no-pdf-header-footer", "--blink-settings=preferredColorScheme=0"
            )
            self.assertEqual(paper.read_bytes()[:5], b"%PDF-")
            frame = self.folder / f"{kind}-phone.html"
            text = page.read_text().replace("&", "&amp;").replace('"', "&quot;")
            frame.write_text(
                f'<!doctype html><style>body {{ margin: 0 }}</style><iframe srcdoc="{text}" style="width: {PHONE}px; height: 5000px; border: 0"></iframe>'
            )
            self.picture(frame, f"{kind}-phone", f"--window-size={PHONE},5000")
