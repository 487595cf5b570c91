"""A mail server on loopback that keeps each message as it was received."""

import re
import socket
from pathlib import Path
from types import TracebackType
from typing import Self

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

__all__ = ["MailSink"]


class MailSink:
    """A context manager: takes every mail and writes it to `folder`, byte for byte."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.count = 0
        self._port = _free_port()
        self._controller = Controller(self, hostname="127.0.0.1", port=self._port)

    def __enter__(self) -> Self:
        self.folder.mkdir(parents=True, exist_ok=True)
        self._controller.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._controller.stop()

    @property
    def url(self) -> str:
        """What DIGEST_SMTP_URL would be."""
        return f"smtp://127.0.0.1:{self._port}"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: ARG002
        self.count += 1
        recipient = re.sub(r"[^A-Za-z0-9.@-]", "_", envelope.rcpt_tos[0])[:100]
        content = envelope.content or b""
        (self.folder / f"{self.count:03}-{recipient}.eml").write_bytes(
            content if isinstance(content, bytes) else content.encode()
        )
        return "250 kept"


def _free_port() -> int:
    """aiosmtpd connects to the port that it was given, so it cannot be given 0."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port
