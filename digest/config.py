"""feeds.yaml -> Config. The only reader of YAML that a user writes, and of the environment.

Every mistake is told with its file and line, what is wrong, and what to write instead.
"""

import difflib
import importlib.util
import json
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

import yaml
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError
from pydantic_core import ErrorDetails

from digest.entities.catalogue import catalogue
from digest.entities.rows import checked
from digest.errors import ConfigError
from digest.languages import LANGUAGES, base
from digest.records import Edition, Label, Recogniser, Source, Watchlist

__all__ = ["Config", "Delivery", "Environment", "FetchSettings", "load", "problems", "user_agent"]

MAX_BYTES = 2_000_000
MAX_NODES = 200_000  # a few aliases of aliases make millions: the "billion laughs" of YAML

UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


# --- what a user may write ----------------------------------------------------------------------------------


def _duration(value: object) -> timedelta:
    found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([smhd])", str(value).strip())
    if not found or float(found[1]) <= 0:
        raise ValueError(f"{value!r} is not a length of time; write e.g. 30m, 2h or 1d")
    return timedelta(**{UNITS[found[2]]: float(found[1])})


def _web_address(value: str) -> str:
    parts = urlsplit(value.strip())
    # Parsers differ on control characters, spaces and backslashes: one sees another host than the one that connects.
    if parts.scheme not in ("http", "https") or not parts.hostname or re.search(r"[\x00-\x20\x7f\\]", value.strip()):
        raise ValueError(f"{value!r} is not a web address; write e.g. https://example.org/feed.xml")
    if parts.username or parts.password:
        raise ValueError("a web address must not hold a password; leave out what stands before the @")
    return value.strip()


def _language(value: str) -> str:
    if base(value) not in LANGUAGES:
        raise ValueError(f"{value!r} is not a language that Digest knows; write one of {', '.join(sorted(LANGUAGES))}")
    return value


def _country(value: object) -> object:
    if value is False:  # YAML reads Norway's NO as "no"
        return "NO"
    if not isinstance(value, str) or not re.fullmatch("[A-Z]{2}", value):
        raise ValueError(f"{value!r} is not a country code; write two capital letters, e.g. DE")
    return value


def _time_of_day(value: object) -> str:
    if isinstance(value, int):  # YAML 1.1 reads 06:30 without quotes as a number in base 60
        value = f"{value // 60:02}:{value % 60:02}"
    if not re.fullmatch(r"([01]\d|2[0-3]):[0-5]\d", str(value)):
        raise ValueError(f'{value!r} is not a time of day; write e.g. "06:30"')
    return str(value)


def _zone(value: str) -> str:
    try:
        ZoneInfo(value)
    except (ValueError, OSError, KeyError) as error:
        raise ValueError(f"{value!r} is not a time zone; write e.g. Europe/Berlin") from error
    return value


def _mail_address(value: str) -> str:
    plain = re.fullmatch(r"(?:[^<>\r\n]*<)?([^@\s<>]+@[^@\s<>]+)>?", value.strip())
    if not plain:
        raise ValueError(f"{value!r} is not a mail address; write e.g. desk@example.org")
    return value.strip()


def _contact(value: str) -> str:
    """Goes into a header of each request: what a webmaster can use, on one line."""
    if value and not (value.isprintable() and re.search(r"[^@\s]+@[^@\s]+|https?://[^\s/]+", value)):
        raise ValueError(f"{value!r} is no address; write e.g. desk@example.org or https://example.org/about")
    return value


def _host_and_port(value: str) -> str:
    found = re.fullmatch(r"(\[[0-9a-fA-F:.]+\]|[\w.-]+):([0-9]{1,5})", value)
    if not found or not 0 < int(found[2]) < 65_536:
        raise ValueError(f"{value!r} is no host with a port; write e.g. 127.0.0.1:8085")
    return value


def _weekday(value: str) -> str:
    if value not in WEEKDAYS:
        raise ValueError(f"{value!r} is not a weekday; write {', '.join(WEEKDAYS)}")
    return value


Duration = Annotated[timedelta, BeforeValidator(_duration)]
WebAddress = Annotated[str, AfterValidator(_web_address)]
LanguageTag = Annotated[str, AfterValidator(_language)]
MailAddress = Annotated[str, AfterValidator(_mail_address)]
Name = Annotated[str, Field(min_length=1, max_length=200)]
Kind = Literal["newspaper", "broadcaster", "wire", "magazine", "trade", "regulator", "government", "blog"]


def _entity(row: dict[str, Any]) -> dict[str, Any]:
    return checked({**row, "country": "NO"} if row.get("country") is False else row, catalogue())


def _pipeline(value: str) -> str:
    """Found without importing it: a package runs its code when it is imported."""
    folder = Path(value)
    if (folder / "meta.json").is_file() or (value.isidentifier() and importlib.util.find_spec(value) is not None):
        return value
    raise ValueError(
        f"{value!r} is no spaCy pipeline here; install its package, or name the folder that holds meta.json"
    )


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class _Source(_Model):
    name: Name
    feed: WebAddress
    language: LanguageTag | None = None
    country: Annotated[str, BeforeValidator(_country)] | None = None
    kind: Kind = "newspaper"
    every: Duration | None = None
    tags: tuple[str, ...] = ()


class _Watchlist(_Model):
    name: Name
    entities: tuple[str, ...] = ()
    terms: tuple[str, ...] = ()


class _Edition(_Model):
    name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]*$", max_length=60)]
    title: Name
    at: Annotated[str, BeforeValidator(_time_of_day)]
    zone: Annotated[str, AfterValidator(_zone)]
    languages: tuple[LanguageTag, ...] = ()
    watchlists: tuple[str, ...] = ()
    recipients: tuple[MailAddress, ...] = ()
    size: Annotated[int, Field(ge=1, le=200)] = 20
    weekdays: tuple[Annotated[str, AfterValidator(_weekday)], ...] = WEEKDAYS


class _Recogniser(_Model):
    languages: Annotated[tuple[LanguageTag, ...], Field(min_length=1)]
    pipeline: Annotated[str, AfterValidator(_pipeline)]
    labels: Annotated[dict[str, Label], Field(min_length=1)]


class _Delivery(_Model):
    sender: MailAddress = "Digest <digest@localhost.localdomain>"
    folder: Path | None = None


class _Fetch(_Model):
    contact: Annotated[str, AfterValidator(_contact)] = ""
    allow_hosts: tuple[str, ...] = ()
    delay: Duration = timedelta(seconds=1)
    deadline: Duration = timedelta(seconds=30)
    proxy: WebAddress | None = None
    websub: WebAddress | None = None
    websub_listen: Annotated[str, AfterValidator(_host_and_port)] = "127.0.0.1:8085"


class _File(_Model):
    sources: Annotated[tuple[_Source, ...], Field(min_length=1)]
    watchlists: tuple[_Watchlist, ...] = ()
    editions: tuple[_Edition, ...] = ()
    delivery: _Delivery = _Delivery()
    fetch: _Fetch = _Fetch()
    recognisers: tuple[_Recogniser, ...] = ()
    entities: tuple[Annotated[dict[str, Any], AfterValidator(_entity)], ...] = ()


# --- what the program gets ----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Delivery:
    """Who the mail is from, and the folder that takes `.eml` files where no mail server is set."""

    sender: str
    folder: Path | None


@dataclass(frozen=True, slots=True)
class FetchSettings:
    contact: str
    allow_hosts: tuple[str, ...]
    delay: timedelta
    deadline: timedelta
    proxy: str | None
    websub: str | None = None  # the public address at which hubs reach us
    websub_listen: str = "127.0.0.1:8085"


@dataclass(frozen=True, slots=True)
class Config:
    path: Path
    sources: tuple[Source, ...]
    watchlists: tuple[Watchlist, ...]
    editions: tuple[Edition, ...]
    delivery: Delivery
    fetch: FetchSettings
    recognisers: tuple[Recogniser, ...] = ()
    entities: tuple[str, ...] = ()  # rows as JSON in the registry's form

    @property
    def entities_folder(self) -> Path:
        """The person's own companies and agencies, and decisions on names."""
        return self.path.parent / "entities"

    @property
    def mail_folder(self) -> Path:
        """Where mails are written when no mail server is set: as configured, or `mail` beside feeds.yaml."""
        return self.path.parent / (self.delivery.folder or "mail")

    def edition(self, name: str) -> Edition:
        """The edition of that name; ConfigError if there is none."""
        for edition in self.editions:
            if edition.name == name:
                return edition
        known = ", ".join(edition.name for edition in self.editions) or "none yet"
        raise ConfigError(str(self.path), f"no edition is named {name!r}", f"the editions are: {known}")


@dataclass(frozen=True, slots=True)
class Environment:
    """What does not belong into a file: addresses with passwords, and where the ledger lies."""

    smtp_url: str | None
    database: str | None

    @staticmethod
    def read(variables: Mapping[str, str] = os.environ) -> "Environment":
        return Environment(variables.get("DIGEST_SMTP_URL") or None, variables.get("DIGEST_DATABASE") or None)


def load(path: Path) -> Config:
    """The configuration; ConfigError with the first mistake, and how many more there are."""
    found = problems(path)
    if found:
        where, problem, remedy = found[0].args
        more = f" (and {len(found) - 1} more: `digest check` lists them)" if len(found) > 1 else ""
        raise ConfigError(where, problem, remedy + more)
    data, _ = _read(path)
    return _config(path, _File.model_validate(data))


def problems(path: Path) -> list[ConfigError]:
    """Every mistake of the file, in the order of its lines; empty if it can be used."""
    try:
        data, lines = _read(path)
    except ConfigError as error:
        return [error]
    try:
        file = _File.model_validate(data)
    except ValidationError as error:
        found = [_explain(detail, path, lines) for detail in _telling(error.errors(include_url=False))]
    else:
        found = list(_contradictions(file, path, lines))
    return [error for _, error in sorted(found, key=lambda pair: pair[0])]


def _config(path: Path, file: _File) -> Config:
    return Config(
        path=path,
        sources=tuple(Source(**dict(one)) for one in file.sources),
        watchlists=tuple(Watchlist(**dict(one)) for one in file.watchlists),
        editions=tuple(
            Edition(**{**dict(one), "weekdays": tuple(WEEKDAYS.index(day) for day in one.weekdays)})
            for one in file.editions
        ),
        delivery=Delivery(file.delivery.sender, file.delivery.folder),
        fetch=FetchSettings(**dict(file.fetch)),
        recognisers=tuple(
            Recogniser(one.languages, one.pipeline, tuple(one.labels.items())) for one in file.recognisers
        ),
        entities=tuple(json.dumps(row, ensure_ascii=False) for row in file.entities),
    )


# --- YAML with line numbers ----------------------------------------------------------------------------------

Path_ = tuple[str | int, ...]
Lines = dict[Path_, int]


def _read(path: Path) -> tuple[Any, Lines]:
    """The file's data, and the line on which each of its parts begins."""
    text = _text(path)
    try:
        node = yaml.compose(text, Loader=yaml.CSafeLoader)
        lines: Lines = {}
        if node is not None:
            _check(node, path)
            _walk(node, (), lines, path)
        data = yaml.load(text, Loader=yaml.CSafeLoader)  # the safe loader, in C
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        problem = f"this is not YAML that Digest reads ({error.problem})"
        raise ConfigError(
            f"{path}, line {line}", problem, "look at the indentation, colons and quotes there"
        ) from error
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        remedy = "start from the feeds.yaml that comes with Digest"
        raise ConfigError(str(path), "this is not YAML that Digest reads", remedy) from error
    if data is None:
        raise ConfigError(str(path), "the file is empty", "start from the feeds.yaml that comes with Digest")
    return data, lines


def _text(path: Path) -> str:
    try:
        data = path.read_bytes()
    except OSError as error:
        remedy = "name another with --config, or copy the feeds.yaml that comes with Digest"
        raise ConfigError(str(path), f"the file cannot be read ({error.strerror})", remedy) from error
    if len(data) > MAX_BYTES:
        raise ConfigError(str(path), "the file is larger than 2 MB", "name fewer sources")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise ConfigError(f"{path}, line {line}", "this is not UTF-8", "save the file in UTF-8") from error


def _check(root: yaml.Node, path: Path) -> None:
    """Refuses aliases of aliases before they are unfolded: the nodes are counted as they would stand written out."""
    sizes: dict[int, int] = {}

    def size(node: yaml.Node, above: frozenset[int]) -> int:
        if id(node) in above:
            raise ConfigError(f"{path}, line {_line(node)}", "this refers to itself", "write it out instead")
        if id(node) not in sizes:
            parts = _parts(node)
            sizes[id(node)] = 1 + sum(size(part, above | {id(node)}) for part in parts)
        if sizes[id(node)] > MAX_NODES:
            raise ConfigError(
                f"{path}, line {_line(node)}", "the file unfolds to too much", "use fewer aliases (*name)"
            )
        return sizes[id(node)]

    try:
        size(root, frozenset())
    except RecursionError as error:
        raise ConfigError(str(path), "the file is nested too deeply", "write it flatter") from error


def _parts(node: yaml.Node) -> Iterator[yaml.Node]:
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            yield key
            yield value
    elif isinstance(node, yaml.SequenceNode):
        yield from node.value


def _walk(node: yaml.Node, at: Path_, lines: Lines, path: Path) -> None:
    lines[at] = _line(node)
    if isinstance(node, yaml.SequenceNode):
        for number, value in enumerate(node.value):
            _walk(value, (*at, number), lines, path)
    elif isinstance(node, yaml.MappingNode):
        seen: set[str] = set()
        for key, value in node.value:
            name = str(key.value)
            if name in seen:
                where = f"{path}, line {_line(key)}"
                raise ConfigError(where, f"{name!r} stands here twice", "keep one of the two")
            seen.add(name)
            _walk(value, (*at, name), lines, path)
            lines[(*at, name)] = _line(key)


def _line(node: yaml.Node) -> int:
    return int(node.start_mark.line) + 1


# --- what is wrong, and what to write instead ------------------------------------------------------

EXAMPLES = {
    "name": "name: The Daily Example",
    "feed": "feed: https://example.org/feed.xml",
    "title": "title: Morning briefing",
    "at": 'at: "06:30"',
    "zone": "zone: Europe/Berlin",
    "sources": "sources: and below it a list of name and feed",
}
KEYS: dict[str, tuple[str, ...]] = {
    "": tuple(_File.model_fields),
    "sources": tuple(_Source.model_fields),
    "watchlists": tuple(_Watchlist.model_fields),
    "editions": tuple(_Edition.model_fields),
    "delivery": tuple(_Delivery.model_fields),
    "fetch": tuple(_Fetch.model_fields),
}


def _explain(detail: ErrorDetails, path: Path, lines: Lines) -> tuple[int, ConfigError]:
    at: Path_ = detail["loc"]
    line = _nearest_line(at, lines)
    problem, remedy = _problem(detail, at)
    return line, ConfigError(f"{path}, line {line}{_place(at)}", problem, remedy)


def _telling(details: Sequence[ErrorDetails]) -> list[ErrorDetails]:
    """Without the keys that are missing only because they are misspelt, and lists too short because of what is told."""
    meant = {(*one["loc"][:-1], _near(one["loc"])) for one in details if one["type"] == "extra_forbidden"}
    inside = {one["loc"][:1] for one in details if len(one["loc"]) > 1}
    follows = {"missing": meant, "too_short": inside}
    return [one for one in details if one["loc"] not in follows.get(one["type"], ())]


def _near(at: Path_) -> str:
    """The known key that an unknown one was probably meant for, or ""."""
    return next(iter(difflib.get_close_matches(str(at[-1]), _known_keys(at), 1)), "")


def _known_keys(at: Path_) -> tuple[str, ...]:
    return KEYS[str(at[0]) if len(at) > 1 else ""]


def _problem(detail: ErrorDetails, at: Path_) -> tuple[str, str]:
    key = str(at[-1]) if at else ""
    match detail["type"]:
        case "missing":
            return f"no {key!r} is given", f"add e.g. '{EXAMPLES.get(key, key + ': ...')}'"
        case "too_short":
            return f"{key} is empty", "add one, on a line of its own after '- '"
        case "extra_forbidden":
            known = KEYS[str(at[0]) if len(at) > 1 else ""]
            near = difflib.get_close_matches(key, known, 1)
            return (
                f"{key!r} is not a key that Digest knows",
                f"write {near[0]!r}" if near else f"use {', '.join(known)}",
            )
        case "value_error":
            problem, _, remedy = str(detail["ctx"]["error"]).rpartition("; ")
            return problem, remedy
        case "literal_error":
            return f"{key} cannot be {detail['input']!r}", f"write one of {detail['ctx']['expected']}"
        case "tuple_type" | "model_type" | "model_attributes_type" | "dict_type":
            shape = "a list, each entry on a line of its own after '- '" if "tuple" in detail["type"] else "key: value"
            return f"{key or 'this'} has the wrong shape", f"write {shape}"
        case "string_type":
            return f"{key} is {detail['input']!r}, which YAML does not read as text", "put it in quotes"
        case "string_pattern_mismatch":
            return f"{key} cannot be {detail['input']!r}", "use small letters, digits and hyphens, e.g. morning-eu"
        case _:
            return f"{key}: {detail['msg'][:1].lower()}{detail['msg'][1:]}", "correct the value there"


def _contradictions(file: _File, path: Path, lines: Lines) -> Iterator[tuple[int, ConfigError]]:
    """What each part alone cannot show: names used twice, and names that nothing bears."""
    for group, key in (("sources", "name"), ("sources", "feed"), ("watchlists", "name"), ("editions", "name")):
        seen: dict[str, int] = {}
        for number, one in enumerate(getattr(file, group)):
            value, line = getattr(one, key), _nearest_line((group, number, key), lines)
            if value in seen:
                where = f"{path}, line {line}{_place((group, number))}"
                remedy = f"see line {seen[value]}, and keep one or change one"
                yield line, ConfigError(where, f"the {key} {value!r} stands twice", remedy)
            seen.setdefault(value, line)
    watchlists = [one.name for one in file.watchlists]
    for number, edition in enumerate(file.editions):
        for index, name in enumerate(edition.watchlists):
            if name not in watchlists:
                line = _nearest_line(("editions", number, "watchlists", index), lines)
                remedy = f"the watchlists are: {', '.join(watchlists) or 'none yet'}"
                where = f"{path}, line {line}{_place(('editions', number))}"
                yield line, ConfigError(where, f"no watchlist is named {name!r}", remedy)


def _nearest_line(at: Path_, lines: Lines) -> int:
    while at not in lines and at:
        at = at[:-1]
    return lines.get(at, 1)


def _place(at: Path_) -> str:
    """ ", source 3": what a person would count."""
    if len(at) > 1 and isinstance(at[1], int):
        return f", {_one(str(at[0]))} {at[1] + 1}"
    return ""


def _one(key: str) -> str:
    return "entity" if key == "entities" else key.removesuffix("s")


def user_agent(contact: str = "") -> str:
    """Says who asks, and whom a webmaster can write to."""
    return f"Digest/{version('digest')} ({contact or 'news monitor; no contact configured'})"
