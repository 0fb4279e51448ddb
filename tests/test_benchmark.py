"""The profile of MAPPO counts every part once, and what docs/development.md says of it adds up."""

import re
import sys
import time
from functools import partial
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.fixture
def scripts(monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT / "scripts"))
    yield
    for name in ("benchmark", "benchmark_parts", "benchmark_peers"):
        sys.modules.pop(name, None)


def test_what_is_done_within_a_part_counts_once(scripts, monkeypatch):
    from benchmark_parts import REST, Clock

    now = 0.0
    monkeypatch.setattr(time, "process_time", lambda: now)
    clock = Clock()

    def work(seconds, *inner):
        nonlocal now
        now += seconds
        for part in inner:
            part()
        now += seconds

    inmost = partial(clock.timing(work, "inmost"), 1.0)
    acting = partial(clock.timing(work, "acting"), 10.0, inmost)
    losses = partial(clock.timing(work, "losses"), 100.0, inmost, inmost)
    clock.timing(work, REST["update"])(1000.0, acting, losses)
    assert clock.seconds == {
        "acting": 22.0,  # what is within it is a part of acting
        "inmost": 4.0,  # of losses, by themselves
        "losses": 200.0,
        REST["update"]: 2000.0,
    }


def test_an_update_has_as_many_operations_as_the_benchmark_says(scripts):
    pytest.importorskip("vmas")
    from benchmark import OPERATIONS, collect, mappo_parts
    from benchmark_parts import PARTS, products_of, seconds_by_part

    parts = mappo_parts("vmas/simple_spread", 2, 40, "cpu")
    works = {"collect": partial(collect, parts), "update": parts.learner.update}
    found = seconds_by_part(works, 1)
    assert all(found[part] > 0 for part in PARTS)
    works["collect"]()
    assert products_of(works["update"]).operations / (2 * 40 * 25) == pytest.approx(
        OPERATIONS, rel=0.02
    )


def test_the_profile_on_the_page_is_one_that_the_command_prints(scripts):
    from benchmark import OPERATIONS
    from benchmark_parts import EVALUATION, PARTS, PRODUCTS, REST

    page = (ROOT / "docs" / "development.md").read_text()
    section = page.partition("scripts/benchmark.py mappo --profile`")[2].partition("\n### ")[0]
    rows = re.findall(r"^\| ([\w ]+?) \| ([\d.]+) \| ([\d.]+) % \|$", section, re.MULTILINE)
    assert [name for name, _, _ in rows] == [*PARTS, *REST.values(), EVALUATION, PRODUCTS]
    *parts, (_, products, _) = rows
    total = sum(float(spent) for _, spent, _ in parts)
    for name, spent, share in rows:
        assert float(share) == pytest.approx(100 * float(spent) / total, abs=0.15), name
    assert sum(float(share) for _, _, share in parts) == pytest.approx(100, abs=0.5)
    learned = total - float(parts[-1][1])
    said = re.search(r"([\d.]+) µs without evaluation, ([\d,]+) steps / s", section)
    assert said, "the page sums the parts up"
    assert float(said[1]) == pytest.approx(learned, abs=0.06)
    assert float(said[2].replace(",", "")) == pytest.approx(1e6 / learned, rel=0.005)
    assert f"{OPERATIONS / 1e6:.2f} million" in page
    spent = {name: float(each) for name, each, _ in parts}
    with_products = ("weighing", "advantages", "networks forward", "networks backward")
    assert float(products) < sum(spent[name] for name in with_products)
