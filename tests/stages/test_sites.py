"""What we know of single publishers: that the data is well-formed, and that a host finds its own."""

import re
import tomllib
from importlib.resources import files

import pytest

from digest.stages.sites import title_place

TITLES = tomllib.loads(files("digest").joinpath("sites.toml").read_text("utf-8"))["titles"]
HOSTS = [host for hosts in TITLES.values() for host in hosts]


def test_every_host_is_named_once_and_in_order() -> None:
    assert len(HOSTS) == len(set(HOSTS))
    assert all(hosts == sorted(hosts) for hosts in TITLES.values())
    assert not [host for host in HOSTS if not re.fullmatch(r"(?!www\.)[a-z0-9-]+(?:\.[a-z0-9-]+)+", host)]


def test_places_are_known() -> None:
    assert all(place == "headline" or re.fullmatch(r"[a-z.-]+:[a-z_]+", place) for place in TITLES)


@pytest.mark.parametrize(
    ("host", "place"),
    [
        ("elpais.com", "headline"),
        ("english.elpais.com", "headline"),
        ("n-tv.de", "og:title"),
        ("notelpais.com", ""),
        ("com", ""),
        ("", ""),
    ],
)
def test_a_host_finds_its_publisher(host: str, place: str) -> None:
    assert title_place(host) == place
