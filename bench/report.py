"""What a report costs: seconds and bytes of the page, and milliseconds of a frame while zooming.

Frames are timed in headless Chromium, in the page's own script, by a timeline whose bars are
repeated until there are as many as asked.
"""

import json
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import click

SECONDS = 300.0
HEAR = """<script>
const frames = [];
requestAnimationFrame = (paint) => { const begin = performance.now(); paint();
  frames.push(performance.now() - begin); };
</script>"""
ZOOM = """<script>{
const canvas = document.getElementById("bars");
const key = (name) => canvas.dispatchEvent(new KeyboardEvent("keydown", { key: name }));
for (let i = 0; i < 20; i++) key("+");
for (let i = 0; i < 20; i++) key("ArrowRight");
for (let i = 0; i < 20; i++) key("-");
document.body.dataset.frames = frames.join(" ");
}</script>"""


def compile_and_report(name: str, what: str, folder: Path) -> tuple[float, Path]:
    """Compile, then write the report; give its seconds and the page."""
    plan, page = folder / "plan.json.gz", folder / "plan.html"
    for words in (("compile", name, what, "-o", plan), ("report", plan, "-o", page)):
        begin = time.monotonic()
        subprocess.run(
            [sys.executable, "-m", "commplan", *map(str, words)],
            check=True,
            capture_output=True,
            timeout=SECONDS,
        )
        spent = time.monotonic() - begin
    return spent, page


def repeat_bars(text: str, most: int) -> str:
    """Repeat the bars of a page one after the other in time until there are so many."""
    match = re.search(r'id="data">(.*?)</script>', text, re.DOTALL)
    assert match is not None
    data = json.loads(match[1])
    bars = data["bars"]
    times = -(-most // len(bars["row"]))
    rows = sorted(
        (row, begin + i * bars["seconds"], end + i * bars["seconds"], src, dst)
        for i in range(times)
        for row, begin, end, src, dst in zip(
            *(bars[key] for key in ("row", "begin", "end", "src", "dst")), strict=True
        )
    )[:most]
    columns = zip(*rows, strict=True)
    bars |= dict(zip(("row", "begin", "end", "src", "dst"), columns, strict=True))
    bars["seconds"] *= times
    made = json.dumps(data).replace("<", "\\u003c")
    return text[: match.start(1)] + made + text[match.end(1) :]


def time_frames(text: str, browser: str, folder: Path) -> list[float]:
    """Zoom and move in a page; give the milliseconds of each frame."""
    probed = text.replace("<main>", HEAR + "<main>", 1).replace("</body>", ZOOM + "</body>")
    file = folder / "probed.html"
    file.write_text(probed, encoding="utf-8")
    options = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking"]
    ended = subprocess.run(
        [browser, *options, f"--user-data-dir={folder / 'user'}", "--dump-dom", file.as_uri()],
        capture_output=True,
        text=True,
        timeout=SECONDS,
    )
    found = re.search(r'data-frames="([^"]*)"', ended.stdout)
    return [float(each) for each in found[1].split()] if found else []


@click.command()
@click.option("--bars", default=300_000, show_default=True, help="Bars of the timeline.")
@click.option("--machine", multiple=True, default=("dgx-h100:boxes=4", "cloudmatrix384"))
@click.option("--collective", default="all_gather", show_default=True)
def main(bars: int, machine: tuple[str, ...], collective: str) -> None:
    """Print seconds and bytes of reports (2 s and 2 MB asked), and milliseconds of frames (50)."""
    browser = shutil.which("chromium") or shutil.which("chromium-browser")
    for name in machine:
        with TemporaryDirectory() as made:
            folder = Path(made)
            spent, page = compile_and_report(name, collective, folder)
            text = page.read_text(encoding="utf-8")
            line = f"{name} {collective}: {spent:.1f} s, {len(text) / 1e6:.2f} MB"
            if 'id="rows"' in text and browser is not None:
                frames = time_frames(repeat_bars(text, bars), browser, folder)
                line += f", {bars:,} bars: {median(frames):.1f} ms a frame, {max(frames):.1f} most"
            click.echo(line)


if __name__ == "__main__":
    main()
