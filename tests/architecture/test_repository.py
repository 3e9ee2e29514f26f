"""What holds for every tracked file."""

from __future__ import annotations

import re

import pytest

from tests.architecture.tracked import ROOT, text_of, tracked_files

# Spelt in pieces, so that this file passes its own test.
MACHINE_PATHS = re.compile(
    r"(?<![\w.~$}/-])/(?:" + "|".join(["wo" + "rk", "ro" + "ot", "ho" + "me", "Us" + "ers"]) + r")/"
)
REGISTRY_HOSTS = re.compile(
    "|".join(
        [
            r"pypi\." + "org",
            r"python" + r"hosted\.org",
            r"registry\." + r"npmjs\.",
            "--index" + "-url",
        ]
    )
)
LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)|!\[[^\]]*\]\(([^)\s]+)\)")
FENCE = re.compile(r"^(`{3,}|~{3,}).*?^\1\s*$", re.MULTILINE | re.DOTALL)


def test_no_tracked_file_names_a_machine_or_a_registry():
    found = []
    for path in tracked_files():
        for number, line in enumerate((text_of(path) or "").splitlines(), start=1):
            hosts = None if path.name == "Makefile" else REGISTRY_HOSTS.search(line)
            if MACHINE_PATHS.search(line) or hosts:
                found.append(f"{path.relative_to(ROOT)}:{number}: {line.strip()[:80]}")
    assert not found, "\n".join(found)


def test_the_lock_pins_every_package_by_hash():
    lock = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    entries = re.split(r"\n(?=\S)", lock.strip())
    assert len(entries) > 50
    loose = [
        entry.splitlines()[0] for entry in entries if "==" not in entry or "--hash=" not in entry
    ]
    assert not loose


@pytest.mark.parametrize(
    "page",
    [path for path in tracked_files() if path.suffix == ".md"],
    ids=lambda path: str(path.relative_to(ROOT)),
)
def test_relative_links_of_a_page_lead_somewhere(page):
    text = FENCE.sub("", page.read_text(encoding="utf-8"))
    broken = []
    for match in LINK.finditer(text):
        target = (match.group(1) or match.group(2)).split("#")[0]
        if target and "://" not in target and not target.startswith("mailto:"):
            here = (page.parent / target).resolve()
            if not (here.exists() or here.with_suffix(".md").exists()):
                broken.append(target)
    assert not broken
