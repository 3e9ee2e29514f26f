"""A real browser, headless: what it makes of a page on a phone."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from html import unescape
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

# The probe stands on the same server as the page, so that it may look inside its frame.
PROBE = """<!DOCTYPE html><html><head><link rel="icon" href="data:,"></head><body style="margin:0">
<pre id="found"></pre><script>
function look(frame) {
  const inner = frame.contentDocument, root = inner.documentElement;
  const images = [...inner.images];
  document.getElementById("found").textContent = JSON.stringify({
    scroll: root.scrollWidth, client: root.clientWidth, images: images.length,
    broken: images.filter((one) => !(one.complete && one.naturalWidth)).length,
    loaded: frame.contentWindow.performance.getEntriesByType("resource")
      .map((one) => one.name).filter((name) => !name.startsWith("data:"))});
}
</script><iframe width="WIDTH" height="844" style="border:0" src="page.html" onload="look(this)">
</iframe></body></html>"""


@dataclass(frozen=True)
class Seen:
    """What the browser saw."""

    scroll_width: int
    client_width: int
    images: int
    broken: int
    loaded: tuple[str, ...]
    requested: frozenset[str]
    console: tuple[str, ...]


def find_browser() -> str:
    names = ("chromium", "chromium-browser", "google-chrome")
    found = next((path for name in names if (path := shutil.which(name))), None)
    if found is None:
        pytest.skip("no headless browser: install Debian's package chromium")
    return found


def look(page: str, *, width: int = 390) -> Seen:
    browser = find_browser()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "page.html").write_text(page, encoding="utf-8")
        probe = PROBE.replace("WIDTH", str(width))
        (folder / "probe.html").write_text(probe, encoding="utf-8")
        requested: list[str] = []
        with _served(folder, requested) as port:
            done = subprocess.run(
                [
                    browser,
                    "--headless=new",
                    "--no-sandbox",
                    "--disable-gpu",
                    "--hide-scrollbars",
                    "--enable-logging=stderr",
                    "--virtual-time-budget=20000",
                    f"--user-data-dir={folder / 'profile'}",
                    "--dump-dom",
                    f"http://127.0.0.1:{port}/probe.html",
                ],
                capture_output=True,
                text=True,
                check=True,
                timeout=120,
            )
    match = re.search(r'<pre id="found">(.+?)</pre>', done.stdout, re.DOTALL)
    if match is None:
        raise AssertionError(f"the page was never loaded: {done.stdout[-500:]}")
    found = json.loads(unescape(match[1]))
    console = tuple(line for line in done.stderr.splitlines() if "CONSOLE" in line)
    return Seen(
        found["scroll"],
        found["client"],
        found["images"],
        found["broken"],
        tuple(found["loaded"]),
        frozenset(requested),
        console,
    )


@contextmanager
def _served(folder: Path, requested: list[str]) -> Iterator[int]:
    class Handler(SimpleHTTPRequestHandler):
        def log_request(self, code: object = "-", size: object = "-") -> None:
            requested.append(self.path)

    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, directory=str(folder)))
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
