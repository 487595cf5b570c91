"""What is not in the docs does not exist: every command, key and target is told of, and what is told of exists."""

import re
from pathlib import Path

import pytest
import typer.main

from digest import cli, config

ROOT = Path(__file__).parent.parent
COMMANDS = typer.main.get_command(cli.app).commands  # type: ignore[attr-defined]  # click's Group
INSPECT = COMMANDS["inspect"].commands


def read(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


@pytest.mark.parametrize(
    "name", [*(name for name in COMMANDS if name != "inspect"), *(f"inspect {one}" for one in INSPECT)]
)
def test_command_is_documented(name: str) -> None:
    assert f"`digest {name}" in read("docs/commands.md")


@pytest.mark.parametrize("section", [name for name in config.KEYS if name])
def test_every_key_of_feeds_yaml_is_documented(section: str) -> None:
    page = read("docs/feeds-yaml.md").split(f"## {section}\n")[1].split("\n## ")[0]
    assert all(f"`{key}`" in page for key in config.KEYS[section])


def test_environment_is_documented() -> None:
    used = set(re.findall(r"DIGEST_[A-Z]+", read("digest/config.py") + read("digest/cli.py")))
    assert used <= set(re.findall(r"DIGEST_[A-Z]+", read("docs/feeds-yaml.md")))


def test_links_of_readme_and_docs_lead_somewhere() -> None:
    for page in [ROOT / "README.md", *(ROOT / "docs").glob("*.md")]:
        text = page.read_text(encoding="utf-8")
        for target in re.findall(r"\]\(([^)#]+)\)", text) + re.findall(r'src="([^"]+)"', text):
            assert target.startswith("http") or (page.parent / target).exists(), f"{page.name}: {target}"


def test_readmes_make_targets_exist() -> None:
    targets = set(re.findall(r"(?m)^([a-z-]+):", read("Makefile")))
    assert set(re.findall(r"\bmake ([a-z-]+)", read("README.md"))) <= targets


def test_first_use_in_the_readme_names_real_commands() -> None:
    named = set(re.findall(r"(?m)^digest ([a-z]+)", read("README.md")))
    assert named
    assert named <= set(COMMANDS)
