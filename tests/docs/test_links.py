"""What the pages point at is there."""

from pathlib import Path

import pytest
import yaml
from doc_pages import PAGES, anchors, links

from transcoder import __version__
from transcoder.files import PROJECT_ROOT


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(PROJECT_ROOT)))
def test_links_lead_somewhere(page):
    lost = []
    for target in links(page):
        path, _, anchor = target.partition("#")
        there = (page.parent / path).resolve() if path else page
        if not there.exists() or (anchor and anchor not in anchors(there)):
            lost.append(target)
    assert lost == []


def test_every_page_can_be_reached_from_the_readme():
    found, ahead = set(), [PROJECT_ROOT / "README.md"]
    while ahead:
        page = ahead.pop()
        if page not in found and page.suffix == ".md" and page.is_file():
            found.add(page)
            targets = (target.partition("#")[0] for target in links(page))
            ahead += [(page.parent / target).resolve() for target in targets if target]
    pages = {path for path in PAGES if "tests" not in path.parts}
    assert pages - found == set()


def test_the_citation_has_what_its_format_requires():
    """Of the Citation File Format 1.2.0: required keys, and the version that is installed."""
    citation = yaml.safe_load((PROJECT_ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert citation["cff-version"] == "1.2.0"
    assert {"message", "title", "authors"} <= set(citation)
    assert citation["version"] == __version__
    (paper,) = citation["references"]
    assert {"type", "title", "authors"} <= set(paper)
    assert paper["authors"][0]["family-names"] == "Tailleur"


def test_the_changelog_tells_of_this_version():
    text = Path(PROJECT_ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert f"\n## {__version__} - " in text
