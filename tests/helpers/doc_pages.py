"""The project's pages, and the commands and links that stand in them."""

import re
import shlex
from pathlib import Path

from transcoder.files import PROJECT_ROOT

PAGES = sorted(
    [
        *(PROJECT_ROOT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md")),
        *(PROJECT_ROOT / "docs").glob("*.md"),
        PROJECT_ROOT / "reference_models" / "README.md",
        PROJECT_ROOT / "tests" / "data" / "README.md",
    ]
)
_BLOCK = re.compile(r"^```(\w*)\n(.*?)^```", re.DOTALL | re.MULTILINE)
_WORDS = ("python ", "bash ", "pip ", "spectral-transcoder ")


def commands(page: Path) -> list[str]:
    """Of the page's shell blocks, and those in its sentences; without comments."""
    text = page.read_text(encoding="utf-8")
    lines = [
        line for kind, block in _BLOCK.findall(text) if kind == "sh" for line in block.splitlines()
    ]
    inline = re.findall(r"`([^`\n]+)`", _BLOCK.sub("", text))
    lines += [words for words in inline if words.startswith(_WORDS)]
    shown = (shlex.join(shlex.split(line, comments=True)) for line in lines)
    plain = (line.replace("'&&'", "&&").replace("'|'", "|") for line in shown if line)
    parts = (part.strip() for line in plain for part in re.split(r"&&|\|", line))
    return [part for part in parts if part.startswith(_WORDS)]


def links(page: Path) -> list[str]:
    """Targets of links and pictures, without those of the web."""
    text = _BLOCK.sub("", page.read_text(encoding="utf-8"))
    targets = re.findall(r"\]\(([^)\s]+)\)", text)
    return [target for target in targets if not target.startswith(("http://", "https://"))]


def anchors(page: Path) -> set[str]:
    """What `#...` can name in a page: its headings, as GitHub writes them."""
    text = _BLOCK.sub("", page.read_text(encoding="utf-8"))
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", h.strip().lower()).replace(" ", "-") for h in headings}
