"""`digest entities`: look names up, add companies and agencies, and decide what names mean."""

import asyncio
import json
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer

from digest import config as configuration
from digest.edges.database import Database, default_url
from digest.edges.entities import Counted, EntityStore, Naming
from digest.edges.fetch import Fetcher, FetchOptions
from digest.edges.own import OwnEntities
from digest.entities.catalogue import Catalogue, Entity, Own, catalogue
from digest.entities.search import find
from digest.errors import DigestError, StoreError
from digest.languages import clean
from digest.research import wikidata

__all__ = ["app"]

app = typer.Typer(
    no_args_is_help=True, help="Look up companies and agencies, add your own, and decide what names mean."
)

ConfigPath = Annotated[Path, typer.Option("--config", "-c", help="The configuration.", envvar="DIGEST_CONFIG")]
DatabaseUrl = Annotated[
    str,
    typer.Option("--db", help="The ledger: a file or an SQLAlchemy URL.", show_default="by the platform's convention"),
]
AsJson = Annotated[bool, typer.Option("--json", help="JSON lines for programs.")]
Limit = Annotated[int, typer.Option(min=1, max=10_000, help="How many at most.")]
DEFAULT_CONFIG = Path("feeds.yaml")
T = TypeVar("T")
SUGGESTED = 0.75  # nearness from which a listed entity is worth a person's look


@app.command(name="find")
def find_(
    name: Annotated[str, typer.Argument(help="A name, or a part of it, in any script.")],
    limit: Limit = 20,
    as_json: AsJson = False,
    config: ConfigPath = DEFAULT_CONFIG,
    db: DatabaseUrl = "",
) -> None:
    """Entities with this name or one like it: the registry's, your own, and names in the ledger that neither holds."""
    own = _own(config).read()
    rows = [_row(hit.entity) | {"found": hit.name, "nearness": hit.nearness} for hit in find(name, own, limit)]
    with _ledger(db) as store:
        local = store.counted("local:%", limit, text=clean(name)) if store else []
    rows += [{"id": one.id, "name": one.name, "found": one.name, "articles": one.articles} for one in local]
    for row in rows:
        _tell(row, as_json, f"{row['id']:34} {row['name']}{_in_brackets(row)}")
    if not rows:
        raise DigestError("", f"nothing is named like {name!r}", "try a part of the name, or another script")


def _in_brackets(row: Mapping[str, Any]) -> str:
    told = [row["found"]] if row["found"] != row["name"] else []
    told += [f"in {row['articles']} articles"] if "articles" in row else [row["country"]]
    return f" ({', '.join(filter(None, told))})" if any(told) else ""


@app.command()
def show(
    entity: Annotated[str, typer.Argument(metavar="ID", help="The id, as `find` shows it, or a name.")],
    limit: Limit = 10,
    as_json: AsJson = False,
    config: ConfigPath = DEFAULT_CONFIG,
    db: DatabaseUrl = "",
) -> None:
    """Everything known of an entity, and where it was named last: with the reason of each link, and how sure it is."""
    own = _own(config).read()
    known = catalogue(own)
    number = known.current(entity) if not _by_name(entity, own) else _by_name(entity, own)
    with _ledger(db) as store:
        counted = store.counted(number, 1) if store else []
        namings = store.namings(number, limit) if store else []
    if number not in known and not counted:
        raise DigestError("", f"no entity has the id {entity!r}", "`digest entities find NAME` shows ids")
    if as_json:
        row = _row(known[number]) if number in known else {"id": number, "name": counted[0].name}
        print(_json(row | {"ledger": _counts(counted), "mentions": [asdict(one) for one in namings]}))
        return
    _print_entity(number, known.entities.get(number), counted)
    for child in (one for one in known if one.parent == number):
        print(f"  part of it   {child.id} {child.name}")
    for one in namings:
        print(_naming(one))


def _by_name(text: str, own: Own) -> str:
    """The id of the one entity that bears exactly this name; empty if it is an id, or several bear it."""
    if ":" in text:
        return ""
    exact = [hit.entity.id for hit in find(text, own) if hit.nearness == 1.0]
    if len(exact) > 1:
        raise DigestError("", f"several entities are named {text!r}: {', '.join(exact)}", "name one by its id")
    return exact[0] if exact else ""


def _print_entity(number: str, entity: Entity | None, counted: Sequence[Counted]) -> None:
    print(f"{number}  {entity.name if entity else counted[0].name}")
    if entity is None:
        print("  in no registry: `digest entities merge` says who it is, `digest entities add` takes it in")
    else:
        facts = (
            ("kind", entity.kind),
            ("country", entity.country),
            ("part of", entity.parent),
            ("level", entity.level),
            ("field", entity.field),
            ("sector", entity.sector),
            ("listed as", ", ".join(entity.tickers)),
            *entity.ids.items(),
        )
        print("".join(f"  {label:12} {value}\n" for label, value in facts if value), end="")
        for label, names in (("", entity.names), ("formerly", entity.former)):
            for language, listed in names.items():
                print(f"  {language:8}{label:5}{' | '.join(listed)}")
        if entity.ambiguous:
            print(f"  only where the context says so: {' | '.join(sorted(entity.ambiguous))}")
    for one in counted:
        print(f"  {_seen(one)}")


def _seen(one: Counted) -> str:
    articles = f"in {one.articles} articles of {one.sources} sources ({', '.join(one.languages)})"
    return f"{articles}, first {one.first:%Y-%m-%d}, last {one.last:%Y-%m-%d}"


def _naming(one: Naming) -> str:
    context = " ".join(f"{one.before}[{one.written}]{one.after}".split())
    why = f"{one.reason or 'name'}, {one.confidence:.2f}, {one.url}"
    return f"  {one.date:%Y-%m-%d} {one.source}: … {context} …\n      {why}"


@app.command()
def add(
    row: Annotated[str, typer.Argument(metavar="ROW|-", help='JSON, e.g. {"id": "company:acme", "country": "DE", …}.')],
    config: ConfigPath = DEFAULT_CONFIG,
) -> None:
    """Take a company or an agency into your own list, or give a known one more names; `-` reads JSON lines."""
    own = _own(config)
    for line in sys.stdin if row == "-" else [row]:
        if line.strip():
            added = _deciding(lambda line=line: own.add(_object(line)))  # type: ignore[misc]
            print(f"added: {added['id']}")


def _object(text: str) -> dict[str, Any]:
    try:
        row = json.loads(text)
    except ValueError as error:
        raise ValueError(f"{text[:60]!r} is not JSON") from error
    if not isinstance(row, dict):
        raise ValueError('a row is an object: {"id": "company:acme", "names": {"en": ["Acme"]}}')
    return row


@app.command()
def merge(
    context: typer.Context,
    entity: Annotated[str, typer.Argument(metavar="ID", help="The id that shall no longer be used.")],
    into: Annotated[str, typer.Argument(metavar="INTO", help="The id that it means.")],
    config: ConfigPath = DEFAULT_CONFIG,
    db: DatabaseUrl = "",
) -> None:
    """Decide that two ids are one entity: from now on, and in everything that is stored."""
    own = _own(config)
    _deciding(lambda: own.merge(entity, into, _now(context)))
    decided = own.read()
    with _ledger(db) as store:
        names = {one.id: one.name for one in catalogue(decided)}
        changed = store.follow(decided.merges, names) if store else 0
    print(f"{entity} now means {catalogue(decided).current(entity)}; {changed} stored mentions follow")


@app.command()
def split(
    context: typer.Context,
    entity: Annotated[str, typer.Argument(metavar="ID", help="The entity that a name was wrongly taken for.")],
    name: Annotated[str, typer.Argument(help="The name, as `show` lists it.")],
    into: Annotated[str, typer.Option("--into", help="The id that the name means instead.")] = "",
    config: ConfigPath = DEFAULT_CONFIG,
    db: DatabaseUrl = "",
) -> None:
    """Decide that a name does not mean an entity; the articles that it was found in are tagged anew."""
    own = _own(config)
    _deciding(lambda: own.split(entity, name, into or None, _now(context)))
    with _ledger(db) as store:
        articles = store.retag(entity, clean(name)) if store else 0
    anew = f"{articles} article{'s' * (articles != 1)} to be tagged anew at the next update"
    print(f"{name!r} no longer means {entity}; {anew}")


@app.command()
def review(
    limit: Limit = 20,
    language: Annotated[str, typer.Option(help="Only articles in this language, e.g. ar.")] = "",
    as_json: AsJson = False,
    config: ConfigPath = DEFAULT_CONFIG,
    db: DatabaseUrl = "",
) -> None:
    """The names that articles use most and that no list holds, where they stand, and who they may be."""
    own = _own(config).read()
    with _ledger(db) as store:
        if store is None:
            raise StoreError("", "there is no ledger yet", "run `digest update` first")
        for one in store.counted("local:%", limit, language=language):
            namings = store.namings(one.id, 2)
            near = [
                hit for hit in find(one.name, own, 3) if hit.nearness >= SUGGESTED and _same_kind(one.id, hit.entity)
            ]
            _print_review(one, namings, [hit.entity for hit in near], as_json)


def _same_kind(local: str, entity: Entity) -> bool:
    return local.split(":")[1] == entity.kind


def _print_review(one: Counted, namings: Sequence[Naming], near: Sequence[Entity], as_json: bool) -> None:
    if as_json:
        row = {"id": one.id, "name": one.name, "ledger": _counts([one]), "near": [entity.id for entity in near]}
        print(_json(row | {"mentions": [asdict(naming) for naming in namings]}))
        return
    print(f"{one.name}   {one.id}\n  {_seen(one)}")
    for naming in namings:
        print(_naming(naming))
    for entity in near:
        print(f"  the same as {entity.name}?   digest entities merge {one.id} {entity.id}")


@app.command()
def sync(
    context: typer.Context,
    endpoint: Annotated[str, typer.Option(help="The address of a SPARQL endpoint of Wikidata's form.")] = "",
    dump: Annotated[Path | None, typer.Option(help="A JSON dump of Wikidata: .json, .json.gz or .json.bz2.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be taken over.")] = False,
    config: ConfigPath = DEFAULT_CONFIG,
) -> None:
    """Fill names and ids of known entities from Wikidata; what you wrote yourself wins."""
    if bool(endpoint) == bool(dump):
        raise typer.BadParameter("name either --endpoint or --dump")
    settings = configuration.load(config)
    own = OwnEntities(settings.entities_folder, settings.entities)
    known = catalogue(own.read(synced=False))
    items = wikidata.from_dump(dump, known) if dump else asyncio.run(_from_endpoint(endpoint, known, settings, context))
    found = wikidata.matched(items, known, _now(context).date())
    for entity, equal in found.ambiguous.items():
        print(f"{entity}: {', '.join(equal)} fit equally well; none was taken", file=sys.stderr)
    if not dry_run:
        own.replace_synced(found.rows)
    told = f"{len(found.matched)} of {len(known)} entities found, {found.names} new names, {found.ids} ids"
    print(told if not dry_run else f"{told}; nothing was written")


async def _from_endpoint(
    endpoint: str, known: Catalogue, settings: configuration.Config, context: typer.Context
) -> list[wikidata.Item]:
    options = FetchOptions(
        configuration.user_agent(settings.fetch.contact),
        settings.fetch.allow_hosts,
        delay=settings.fetch.delay.total_seconds(),
        proxy=settings.fetch.proxy,
    )
    async with Fetcher(options, context.obj) as getter:
        return await wikidata.from_endpoint(endpoint, known, getter)


# --- the parts -------------------------------------------------------------------------------------------------------


def _now(context: typer.Context) -> datetime:
    """The program's one clock, which the command line hands down."""
    clock: Callable[[], datetime] = context.obj
    return clock()


def _own(config: Path) -> OwnEntities:
    settings = configuration.load(config)
    return OwnEntities(settings.entities_folder, settings.entities)


@contextmanager
def _ledger(url: str) -> Iterator[EntityStore | None]:
    """The ledger, or None where none was made yet: the registry can be read without one."""
    given = url or configuration.Environment.read().database or default_url()
    address = given if "://" in given else f"sqlite:///{Path(given).absolute()}"
    try:
        database = Database(address, create=False)
    except StoreError:
        if url:
            raise
        yield None
        return
    with closing(database):
        yield EntityStore(database)


def _deciding(decide: Callable[[], T]) -> T:
    try:
        return decide()
    except ValueError as error:
        raise DigestError("", str(error), "nothing was changed") from error


def _row(entity: Entity) -> dict[str, Any]:
    return {
        "id": entity.id,
        "kind": entity.kind,
        "name": entity.name,
        "country": entity.country,
        "parent": entity.parent,
        "names": dict(entity.names),
        "former": dict(entity.former),
        "tickers": list(entity.tickers),
    }


def _counts(counted: Sequence[Counted]) -> dict[str, Any] | None:
    return asdict(counted[0]) if counted else None


def _tell(row: Mapping[str, Any], as_json: bool, line: str) -> None:
    print(_json(row) if as_json else line)


def _json(row: Mapping[str, Any]) -> str:
    return json.dumps(row, ensure_ascii=False, default=lambda value: value.isoformat())
