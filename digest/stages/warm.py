"""What a worker loads before its first batch, so that it is ready when the first articles come."""

from datetime import UTC, datetime

from digest.records import Groupable, Text
from digest.stages.extract import extract
from digest.stages.features import describe
from digest.stages.parse import parse
from digest.stages.tag import tag

__all__ = ["warm_up"]


def warm_up() -> None:
    """Calls the heavy stages once: models and tables are read at the first call."""
    parse([])
    extract([])
    tag([Text("", "Warming up.", "en")])
    describe([Groupable("", "en", datetime.min.replace(tzinfo=UTC), "Warming up.")])
