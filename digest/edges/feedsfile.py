"""Writing into the user's own files: feeds.yaml keeps its comments and its order, and no file is ever half written."""

import os
import shutil
import tempfile
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

import yaml

from digest.errors import ConfigError
from digest.records import Source

__all__ = ["add_sources", "as_yaml", "replace_file"]


def add_sources(path: Path, sources: Sequence[Source], check: Callable[[Path], None]) -> None:
    """Adds sources behind the last one of the file. `check` reads the new file before it takes the old one's place.

    ConfigError where the file is written in a way that has no room for them; it is then left as it was.
    """
    before = path.read_bytes()
    text = before.decode("utf-8-sig")
    marked = before[: len(before) - len(text.encode())]  # a byte order mark
    replace_file(path, marked + _with_sources(path, text, sources).encode(), check, before)


def as_yaml(source: Source, *, flow: bool, indent: str = "") -> str:
    """The source as feeds.yaml lists it, on one line or, each line indented, on several."""
    given = {"name": source.name, "feed": source.feed, "language": source.language, "tags": list(source.tags)}
    filled = {key: value for key, value in given.items() if value}
    if flow:
        written = _dumped(filled, flow=True)
    else:
        written = "".join(_dumped({key: value}, flow=None if key == "tags" else False) for key, value in filled.items())
    lines = written.splitlines()
    return "".join(f"{indent}{'  ' if number else '- '}{line}\n" for number, line in enumerate(lines))


def _dumped(value: object, *, flow: bool | None) -> str:
    """`flow` None: only what holds nothing but words stands in brackets."""
    text: str = yaml.dump(
        value, Dumper=yaml.CSafeDumper, default_flow_style=flow, allow_unicode=True, sort_keys=False, width=10_000
    )
    return text


def _with_sources(path: Path, text: str, sources: Sequence[Source]) -> str:
    """The text with the sources, written as the last one in it is."""
    root = yaml.compose(text, Loader=yaml.CSafeLoader)
    pairs = root.value if isinstance(root, yaml.MappingNode) else []
    listed = next((value for key, value in pairs if key.value == "sources"), None)
    if not isinstance(listed, yaml.SequenceNode) or listed.flow_style:
        remedy = "write each of them on lines of its own, after '- '"
        raise ConfigError(str(path), "the sources stand in brackets, where none can be added", remedy)
    place = _line_end(text, _end(listed))
    newline = "\r\n" if "\r\n" in text else "\n"
    first = "" if text[:place].endswith("\n") else "\n"
    flow, indent = bool(listed.value[-1].flow_style), " " * listed.start_mark.column
    added = first + "".join(as_yaml(source, flow=flow, indent=indent) for source in sources)
    return text[:place] + added.replace("\n", newline) + text[place:]


def _end(node: yaml.Node) -> int:
    """Where the last word of a node ends: a block's own end lies behind the comments that follow it."""
    if isinstance(node, yaml.SequenceNode) and not node.flow_style and node.value:
        return _end(node.value[-1])
    if isinstance(node, yaml.MappingNode) and not node.flow_style and node.value:
        return max(map(_end, node.value[-1]))  # an alias has the place of what it stands for
    return int(node.end_mark.index)


def _line_end(text: str, place: int) -> int:
    if text[:place].endswith("\n"):
        return place
    found = text.find("\n", place)
    return len(text) if found < 0 else found + 1


def replace_file(
    path: Path, content: bytes, check: Callable[[Path], None] = lambda _: None, before: bytes | None = None
) -> None:
    """Writes the file whole or not at all; with `before`, only where it still holds that."""
    target = path.resolve()  # a link stays one
    try:
        handle, name = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
        waiting = Path(name)
        try:
            with open(handle, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            _take_over_mode(target, waiting)
            check(waiting)
            if before is not None and target.read_bytes() != before:
                raise ConfigError(str(path), "somebody changed the file meanwhile", "do it once more")
            waiting.replace(target)
        finally:
            with suppress(FileNotFoundError):
                waiting.unlink()
    except OSError as error:
        remedy = "make its folder writable, with room on the disk"
        raise ConfigError(str(path), f"the file cannot be written ({error.strerror})", remedy) from error


def _take_over_mode(target: Path, waiting: Path) -> None:
    if target.exists():
        shutil.copymode(target, waiting)
    else:
        mask = os.umask(0)
        os.umask(mask)
        waiting.chmod(0o666 & ~mask)
