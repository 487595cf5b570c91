"""Imports point inwards, and only the edges touch the world."""

import ast
import re
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent / "digest"
PURE = {"records", "errors", "languages", "entities"}
STAGES = PURE | {"stages"}
EDGES = PURE | {"edges"}
INNER = STAGES | EDGES
MAY_IMPORT = {
    "records": set(),
    "errors": set(),
    "languages": {"languages", "errors"},
    "entities": PURE,
    "training": STAGES | {"training"},
    "stages": STAGES,
    "edges": EDGES,
    "config": PURE,
    "sitemaps": INNER,
    "discovery": INNER | {"sitemaps"},
    "pipeline": INNER | {"config", "sitemaps"},
    "websub": INNER,
    "inspection": INNER,
    "schedule": INNER | {"config", "pipeline", "websub"},
    "health": INNER | {"config", "sitemaps"},
    "research": INNER | {"config", "research"},
    "demo": INNER | {"config", "pipeline", "demo", "research"},
}
OUTSIDE_WORLD = {
    "aiohttp",
    "aiosmtpd",
    "requests",
    "smtplib",
    "socket",
    "sqlalchemy",
    "subprocess",
    "urllib3",
    "urllib.request",
}
CLOCK_AND_CHANCE = {"random", "time", "logging", "secrets", "uuid"}
MODULES = sorted(ROOT.rglob("*.py"))


def layer_of(path: Path) -> str:
    return path.relative_to(ROOT).parts[0].removesuffix(".py")


def imports(path: Path) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "a relative import hides from this test"
            names.add(node.module or "")
            if node.module == "digest":
                names |= {f"digest.{alias.name}" for alias in node.names}
    return names


def uses(names: set[str], modules: set[str]) -> set[str]:
    return {name for name in names for module in modules if name == module or name.startswith(module + ".")}


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_arrows_point_inwards(path: Path) -> None:
    allowed = MAY_IMPORT.get(layer_of(path))
    ours = {name.split(".")[1] for name in imports(path) if name.startswith("digest.")}
    assert allowed is None or ours <= allowed


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_pure_layers_touch_nothing_outside(path: Path) -> None:
    if layer_of(path) in STAGES:
        assert not uses(imports(path), OUTSIDE_WORLD | CLOCK_AND_CHANCE)


def test_only_the_door_fetches() -> None:
    """One gate to the network: no other module may open a connection of its own."""
    fetching = {
        layer_of(path): path for path in MODULES if uses(imports(path), {"aiohttp", "requests", "urllib.request"})
    }
    inner = {str(path.relative_to(ROOT)) for layer, path in fetching.items() if layer != "demo"}
    assert inner <= {"edges/fetch.py", "edges/receiver.py"}  # the second only listens
    assert uses(imports(ROOT / "edges" / "receiver.py"), {"aiohttp"}) == {"aiohttp"}
    assert "from aiohttp import web\n" in (ROOT / "edges" / "receiver.py").read_text(encoding="utf-8")


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_clock_is_read_in_one_place(path: Path) -> None:
    """`now` is an argument everywhere else: then a decision can be tested, and a day made again."""
    source = path.read_text(encoding="utf-8")
    if str(path.relative_to(ROOT)) not in {"cli.py"} and layer_of(path) != "training":
        assert "datetime.now(" not in source
        assert "utcnow(" not in source
        assert "date.today(" not in source


def test_what_is_imported_is_declared_and_what_is_declared_is_used() -> None:
    """The import of a library that only another one brings breaks when that one drops it."""
    project = tomllib.loads((ROOT.parent / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    declared = {re.split(r"[<>=;\[ ]", one)[0].lower() for one in project["dependencies"]}
    distributions = packages_distributions()
    used: set[str] = set()
    for path in MODULES:
        if layer_of(path) != "training":
            for name in imports(path) - {"digest"}:
                top = name.split(".")[0]
                if top not in sys.stdlib_module_names and top not in (
                    "backports",
                    "compression",
                    "digest",
                ):  # zstd, by version
                    used.add(distributions[top][0].lower().replace("_", "-"))
    # Not imported by us, and needed all the same: see the comments in pyproject.toml.
    indirect = {"backports-zstd", "lxml-html-clean", "threadpoolctl", "tzdata"}
    assert used == {name.replace("_", "-") for name in declared} - indirect
