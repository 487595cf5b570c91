"""No Docker engine runs where the tests do: the files are read instead, and held to what they promise."""

import re
from pathlib import Path

import yaml

ROOT = Path(__file__).parent.parent


def instructions() -> list[tuple[str, str]]:
    text = (ROOT / "docker/Dockerfile").read_text(encoding="utf-8")
    lines = re.sub(r"\\\n\s*", "", re.sub(r"(?m)^#.*\n", "", text)).splitlines()
    return [(line.split(maxsplit=1)[0], line.split(maxsplit=1)[1]) for line in lines if line.strip()]


def test_image_has_two_stages_and_does_not_run_as_root() -> None:
    steps = instructions()
    assert [name for name, _ in steps].count("FROM") == 2
    user = max(index for index, (name, _) in enumerate(steps) if name == "USER")
    entry = next(index for index, (name, _) in enumerate(steps) if name == "ENTRYPOINT")
    assert steps[user][1] != "root"
    assert user < entry


def test_files_that_the_image_copies_exist() -> None:
    for name, rest in instructions():
        if name == "COPY" and not rest.startswith("--from"):
            assert all((ROOT / source).exists() for source in rest.split()[:-1]), rest


def test_compose_keeps_the_ledger_in_a_volume_and_secrets_out() -> None:
    compose = yaml.safe_load((ROOT / "docker/compose.yaml").read_text(encoding="utf-8"))
    service = compose["services"]["digest"]
    assert "ledger:/data" in service["volumes"]
    assert set(compose["volumes"]) == {"ledger"}
    assert service["environment"]["DIGEST_SMTP_URL"] == "${DIGEST_SMTP_URL:-}"
    assert (ROOT / "docker" / service["build"]["context"] / service["build"]["dockerfile"]).exists()
