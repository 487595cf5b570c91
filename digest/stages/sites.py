"""What we know of single publishers' pages. The data is in sites.toml."""

import tomllib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files

__all__ = ["title_place"]


def title_place(host: str) -> str:
    """Where a host's pages have their title: a meta element's name, "headline" for that in JSON-LD, or ""."""
    labels = host.split(".")
    domains = (".".join(labels[start:]) for start in range(len(labels) - 1))
    return next((place for domain in domains if (place := _titles().get(domain))), "")


@cache
def _titles() -> Mapping[str, str]:
    titles = tomllib.loads(files("digest").joinpath("sites.toml").read_text("utf-8"))["titles"]
    return {host: place for place, hosts in titles.items() for host in hosts}
