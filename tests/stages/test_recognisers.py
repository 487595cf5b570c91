"""A user's own spaCy pipeline for a language: its names, our kinds."""

from pathlib import Path

import pytest
import spacy

from digest.config import problems
from digest.records import Mention, Recogniser, Tagged, Text
from digest.stages.tag import tag

GERMAN = "Das Bundeskartellamt prüft die Zentralgenossenschaft Hollerau und Volkswagen, sagt Ada Krall."
CONFIG = """\
sources:
  - name: Elbbote
    feed: https://elbe.example/feed
recognisers:
  - languages: [de]
    pipeline: PIPELINE
    labels: {FIRMA: COMPANY, ORG: ORG, PER: PERSON}
"""


@pytest.fixture(scope="module")
def pipeline(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A pipeline as a user may have it: rules, and labels of its own."""
    nlp = spacy.blank("de")
    ruler = nlp.add_pipe("entity_ruler")
    ruler.add_patterns(  # type: ignore[attr-defined]
        [
            {"label": "FIRMA", "pattern": "Zentralgenossenschaft Hollerau"},
            {"label": "ORG", "pattern": "Bundeskartellamt"},
            {"label": "PER", "pattern": "Ada Krall"},
            {"label": "MISC", "pattern": "sagt"},
        ]
    )
    folder = tmp_path_factory.mktemp("pipelines") / "de"
    nlp.to_disk(folder)
    return folder


def mentions(text: str, language: str | None, recogniser: Recogniser) -> dict[str, Mention]:
    (tagged,) = tag([Text("1", text, language)], recognisers=[recogniser])
    assert isinstance(tagged, Tagged)
    return {mention.text: mention for mention in tagged.mentions}


def recogniser(folder: Path) -> Recogniser:
    return Recogniser(("de",), str(folder), (("FIRMA", "COMPANY"), ("ORG", "ORG"), ("PER", "PERSON")))


@pytest.mark.parametrize("language", ["de", "de-AT", None])
def test_names_are_the_pipelines_own_and_are_linked(pipeline: Path, language: str | None) -> None:
    found = mentions(GERMAN, language, recogniser(pipeline))
    assert found["Zentralgenossenschaft Hollerau"].label == "COMPANY"
    assert str(found["Zentralgenossenschaft Hollerau"].entity).startswith("local:company:")
    assert found["Ada Krall"].label == "PERSON"
    assert found["Volkswagen"].entity == "company:volkswagen"  # the registry needs no recogniser
    assert "sagt" not in found


def test_organisation_gets_the_kind_that_our_model_sees(pipeline: Path) -> None:
    assert mentions(GERMAN, "de", recogniser(pipeline))["Bundeskartellamt"].label == "AGENCY"


def test_other_languages_keep_our_model(pipeline: Path) -> None:
    text = "国家网信办昨天约谈了腾讯。"
    assert tag([Text("1", text, "zh")], recognisers=[recogniser(pipeline)]) == tag([Text("1", text, "zh")])


def test_configuration_names_a_pipeline_that_is_there(pipeline: Path, tmp_path: Path) -> None:
    path = tmp_path / "feeds.yaml"
    path.write_text(CONFIG.replace("PIPELINE", str(pipeline)), "utf-8")
    assert problems(path) == []
    path.write_text(CONFIG.replace("PIPELINE", "de_core_nothing_sm"), "utf-8")
    (problem,) = problems(path)
    assert "line 6" in str(problem)
    assert "'de_core_nothing_sm' is no spaCy pipeline here" in str(problem)


def test_label_that_is_none_of_ours_is_told(pipeline: Path, tmp_path: Path) -> None:
    path = tmp_path / "feeds.yaml"
    path.write_text(CONFIG.replace("PIPELINE", str(pipeline)).replace("FIRMA: COMPANY", "FIRMA: FIRM"), "utf-8")
    (problem,) = problems(path)
    assert "line 7" in str(problem)
