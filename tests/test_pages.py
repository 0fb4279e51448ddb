"""The index of the pages knows every page, and links lead somewhere."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"


def links_of(page: Path) -> set[str]:
    found = re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", page.read_text())
    return {link for link in found if "://" not in link}


def test_every_page_stands_in_the_index() -> None:
    pages = {page.name for page in DOCS.iterdir() if page.suffix in (".md", ".ipynb")}
    assert pages - {"README.md"} <= links_of(DOCS / "README.md")


def test_links_between_pages_lead_somewhere() -> None:
    broken = {
        f"{page.name}: {link}"
        for page in (ROOT / "README.md", *DOCS.glob("*.md"))
        for link in links_of(page)
        if not (page.parent / link).exists()
    }
    assert broken == set()
