"""The index of the pages knows every page, and links lead somewhere."""

import re
import tomllib
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


def test_no_page_or_message_installs_this_package_from_an_index() -> None:
    """It is on none: pages name a checkout, messages the packages themselves."""
    files = [*ROOT.glob("*.md"), *DOCS.glob("**/*.md"), *DOCS.glob("*.ipynb")]
    files += [*(ROOT / "configs").rglob("*.yaml"), *(ROOT / "marl_comm").rglob("*.py")]
    wrong = re.compile(r"pip install [^\n]*\bmarl[_-]comm\b")
    assert [str(file) for file in files if wrong.search(file.read_text())] == []


def test_extras_that_pages_install_are_there() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    named = {
        extra
        for page in (ROOT / "README.md", *DOCS.glob("*.md"))
        for extras in re.findall(r'--editable "\.\[([\w,]+)\]"', page.read_text())
        for extra in extras.split(",")
    }
    assert {"vmas", "lbf", "tensorboard"} <= named <= project["optional-dependencies"].keys()
