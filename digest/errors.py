"""The errors that a user may see. Expected trouble with one item is a `records.Failure`, not an exception."""

__all__ = ["ConfigError", "DigestError", "StoreError"]


class DigestError(Exception):
    """Where it happened, what is wrong, and what to do next, in the user's words.

    All three go to `Exception.__init__`, so that the error survives pickling between processes.
    """

    def __init__(self, where: str, problem: str, remedy: str) -> None:
        super().__init__(where, problem, remedy)

    def __str__(self) -> str:
        where, problem, remedy = self.args
        return f"{where}: {problem}; {remedy}" if where else f"{problem}; {remedy}"


class ConfigError(DigestError):
    """A mistake in feeds.yaml or in the environment."""


class StoreError(DigestError):
    """The ledger cannot be opened, read or written."""
