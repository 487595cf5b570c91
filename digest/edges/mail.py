"""The bytes of a mail, and the ways out: a mail server, or a folder that stands in for one."""

import hashlib
import os
import re
import smtplib
import socket
import ssl
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from email.header import Header
from email.headerregistry import Address
from email.message import EmailMessage
from email.parser import BytesHeaderParser
from email.policy import SMTP, EmailPolicy
from email.utils import format_datetime
from pathlib import Path
from typing import Any, Literal, Protocol, Self
from urllib.parse import parse_qs, unquote, urlsplit

from digest.errors import ConfigError, DigestError
from digest.records import Email

__all__ = ["Folder", "Mailer", "Outcome", "Smtp", "backoff", "build", "smtp_check"]

SHORTEST_WAIT = timedelta(minutes=5)  # greylisting lets nobody in sooner
LONGEST_WAIT = timedelta(hours=4)
GIVE_UP = timedelta(hours=24)  # yesterday's briefing is of no use
TIMEOUT = 60.0  # seconds without an answer; a scan of the message may take most of it
REPLY_MOST = 300
SHORT_SUBJECT = 66  # fits on a line of 76 with the header's name

VARIABLE = "DIGEST_SMTP_URL"
_REMEDY = (
    "write e.g. smtp://user:password@mail.example.org:587?starttls=1, or smtps://…; %40 stands for @ in a password"
)


# --- the message -------------------------------------------------------------------------------------------------

_CONTROLS = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff\u202a-\u202e]+")
_ADDRESS = re.compile(r"(?:(?P<name>[^<>]*)<)?(?P<local>[^@\s<>]+)@(?P<domain>[^@\s<>.]+(?:\.[^@\s<>.]+)*)>?")


class _Policy(EmailPolicy):
    """Leaves ids on one line: the library would encode long ones, and no program reads them then. And writes subjects
    itself: where words of several scripts meet at a line's end, the library adds spaces or drops them."""

    def fold(self, name: str, value: Any) -> str:
        if name.lower() == "subject":
            return f"{name}: {_encoded(str(value))}\r\n"
        folded: str = self._of(name).fold(name, value)
        return folded

    def fold_binary(self, name: str, value: Any) -> bytes:
        return self.fold(name, value).encode("utf-8" if self.utf8 else "ascii")

    def _of(self, name: str) -> Any:
        whole = name.lower().startswith("list-") or name.lower() == "message-id"
        return SMTP.clone(utf8=self.utf8, max_line_length=998 if whole else 78)


def _encoded(text: str) -> str:
    if text.isascii() and len(text) <= SHORT_SUBJECT and "=?" not in text:
        return text
    return Header(text, "utf-8", maxlinelen=76, header_name="Subject").encode(linesep="\r\n")


_POLICY = _Policy(linesep="\r\n")


def build(email: Email, *, sender: str, recipient: str, edition: str, day: date, now: datetime) -> tuple[str, bytes]:
    """The Message-ID and the bytes for the wire; the same input makes the same bytes.

    The id belongs to edition, day and recipient: whatever is sent again is known again. `sender` and `recipient` are
    addresses, with or without a name. DigestError where one of them is none.
    """
    own, to = _address(sender), _address(recipient)
    key = hashlib.sha256("\0".join((edition, day.isoformat(), to.addr_spec)).encode()).hexdigest()[:16]
    message_id = f"<digest.{_token(edition)}.{day.isoformat()}.{key}@{own.domain}>"
    # Only an address needs more than ASCII headers, and then every server on the way must know SMTPUTF8.
    message = EmailMessage(_POLICY.clone(utf8=not (own.addr_spec + to.addr_spec).isascii()))
    message["From"] = own
    message["To"] = to
    # Encoded, for the library decodes what it is given: a title that looks like an encoded word stays as it is.
    message["Subject"] = _encoded(_line(email.subject)).replace("\r\n", "")
    message["Date"] = format_datetime(now)
    message["Message-ID"] = message_id
    message["List-Id"] = f"<{_token(edition)}.digest.{own.domain}>"
    message["Auto-Submitted"] = "auto-generated"
    _set_body(message, email, key)
    return message_id, message.as_bytes()


def _set_body(message: EmailMessage, email: Email, key: str) -> None:
    """Both parts in base64: quoted-printable makes Chinese three times as long."""
    message.set_content(_encodable(email.text), cte="base64")
    message.add_alternative(_encodable(email.html), subtype="html", cte="base64")
    message.set_boundary(f"=_{key}")  # not in the alphabet of base64


def _encodable(text: str) -> str:
    return text.encode("utf-8", "replace").decode("utf-8")


def _line(text: str) -> str:
    """One header line: a title from outside neither ends it nor breaks its encoding."""
    return " ".join(_CONTROLS.sub(" ", text).split())


def _token(text: str) -> str:
    return re.sub(r"[^A-Za-z0-9-]+", "-", text).strip("-") or "edition"


def _address(written: str) -> Address:
    found = _ADDRESS.fullmatch(_line(written))
    if not found:
        raise DigestError(_line(written), "this is not a mail address", "write e.g. Desk <desk@example.org>")
    try:
        return Address((found["name"] or "").strip(' "'), found["local"], _domain(found["domain"]))
    except ValueError as error:
        raise DigestError(_line(written), "this is not a mail address", "write e.g. Desk <desk@example.org>") from error


def _domain(name: str) -> str:
    """In ASCII: the library would write another one as an encoded word, which no server understands."""
    return name if name.isascii() else name.encode("idna").decode("ascii")


# --- the way out -------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a mail, and the server's own words. `stop`: the next mail would fare no better now."""

    state: Literal["sent", "deferred", "failed"]
    reply: str
    stop: bool = False


class Mailer(Protocol):
    def send(self, mail: bytes, sender: str, recipient: str, before_data: Callable[[], None]) -> Outcome:
        """Sends one mail to one recipient. `before_data` is called once it is accepted and before its bytes leave."""


def backoff(attempts: int) -> timedelta | None:
    """How long a mail waits after so many tries; None once it has waited for about a day in all."""
    waits = [min(SHORTEST_WAIT * 2 ** min(past, 10), LONGEST_WAIT) for past in range(attempts)]
    return waits[-1] if waits and sum(waits, timedelta()) <= GIVE_UP else None


@dataclass(frozen=True, slots=True)
class _Server:
    host: str
    port: int
    security: Literal["", "starttls", "tls"]
    user: str
    password: str = field(repr=False)

    @property
    def place(self) -> str:
        return f"{self.host}:{self.port}"


def _server(url: str) -> _Server:
    """What the URL says. No message repeats the URL, for the password is in it."""
    try:
        parts = urlsplit(url.strip())
        host, port = parts.hostname or "", parts.port
    except ValueError:
        raise ConfigError(VARIABLE, "the address of the mail server cannot be read", _REMEDY) from None
    if parts.scheme not in _PORTS or not host or parts.path.strip("/") or parts.fragment:
        raise ConfigError(VARIABLE, "this is not the address of a mail server", _REMEDY)
    security, default = _PORTS[parts.scheme]
    if _starttls(parts.query) and security == "":
        security, default = "starttls", 587
    user, password = unquote(parts.username or ""), unquote(parts.password or "")
    if user and not security and not _is_loopback(host):
        remedy = "add ?starttls=1 to the address, or write smtps://"
        raise ConfigError(VARIABLE, "the password would cross the network unencrypted", remedy)
    return _Server(host, port or default, security, user, password)


_PORTS: dict[str, tuple[Literal["", "starttls", "tls"], int]] = {
    "smtp": ("", 25),
    "smtps": ("tls", 465),
    "smtp+starttls": ("starttls", 587),
}


def _starttls(query: str) -> bool:
    options = parse_qs(query, keep_blank_values=True)
    if set(options) - {"starttls"} or options.get("starttls", ["0"])[-1] not in ("0", "1"):
        raise ConfigError(VARIABLE, "the only option that may follow ? is starttls=1", _REMEDY)
    return options.get("starttls", ["0"])[-1] == "1"


def _is_loopback(host: str) -> bool:
    return host in ("localhost", "::1") or host.startswith("127.")


class _Refused(Exception):
    """The server lets nobody in, with what to do about it: no mail can leave."""


@dataclass
class Smtp:
    """A mail server; one connection, opened at the first mail and used for all. Use it as a context manager."""

    url: str = field(repr=False)
    timeout: float = TIMEOUT
    server: _Server = field(init=False)
    _client: smtplib.SMTP | None = field(init=False, default=None, repr=False)

    def __post_init__(self) -> None:
        self.server = _server(self.url)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._client is not None:
            with suppress(OSError, smtplib.SMTPException):
                self._client.quit()
            self._hang_up()

    def send(self, mail: bytes, sender: str, recipient: str, before_data: Callable[[], None]) -> Outcome:
        """See `Mailer`. A mail that was cut off in its data is deferred: the server may have it, or not."""
        own, to = _address(sender), _address(recipient)
        try:
            client = self._ready(own.domain)
            return self._hand_over(client, mail, own.addr_spec, to.addr_spec, before_data)
        except _Refused as error:
            return self._lost(str(error))
        except (OSError, smtplib.SMTPException) as error:
            return self._lost(f"the connection to {self.server.place} failed: {_told(error)}")

    def _lost(self, reply: str) -> Outcome:
        self._hang_up()
        return Outcome("deferred", reply, stop=True)

    def _hang_up(self) -> None:
        if self._client is not None:
            self._client.close()
            self._client = None

    def _ready(self, name: str) -> smtplib.SMTP:
        """The connection, opened anew where the server has closed it since the last mail."""
        if self._client is not None:
            with suppress(OSError, smtplib.SMTPException):
                if self._client.rset()[0] == 250:
                    return self._client
            self._hang_up()
        self._client = _connect(self.server, name, self.timeout)
        return self._client

    def _hand_over(
        self, client: smtplib.SMTP, mail: bytes, sender: str, recipient: str, before_data: Callable[[], None]
    ) -> Outcome:
        if not (sender + recipient).isascii() and not client.has_extn("smtputf8"):
            return Outcome("failed", f"{self.server.place} cannot carry an address like this one (no SMTPUTF8)")
        code, reply = client.mail(sender, _mail_options(client, mail, sender + recipient))
        if code != 250:
            return self._sender_refused(code, reply)
        code, reply = client.rcpt(recipient)
        if code not in (250, 251):
            return self._refused(code, reply)
        before_data()
        try:
            code, reply = client.data(mail)
        except smtplib.SMTPDataError as error:
            return self._refused(error.smtp_code, error.smtp_error)
        return Outcome("sent", _words(code, reply)) if 200 <= code < 300 else self._refused(code, reply)

    def _sender_refused(self, code: int, reply: bytes) -> Outcome:
        """Before a recipient is named, a refusal concerns us and every mail, but for one that is too large."""
        if code < 500 or code == 552:
            return self._refused(code, reply)
        return self._lost(f"{_words(code, reply)}; check delivery.sender, and the user name in {VARIABLE}")

    def _refused(self, code: int, reply: bytes | str) -> Outcome:
        words = _words(code, reply)
        if code in (421, -1):
            return self._lost(words)
        if code in (530, 535):
            return self._lost(f"{words}; give a user name and a password in {VARIABLE}")
        return Outcome("failed" if code >= 500 else "deferred", words)


def _mail_options(client: smtplib.SMTP, mail: bytes, addresses: str) -> list[str]:
    options = [f"size={len(mail)}"] if client.has_extn("size") else []
    return options if addresses.isascii() else [*options, "SMTPUTF8", "BODY=8BITMIME"]


def _connect(server: _Server, name: str, timeout: float) -> smtplib.SMTP:
    """A connection that is ready for mail. `name` is what we say hello with; asking the resolver may take long."""
    context = ssl.create_default_context()
    if server.security == "tls":
        client: smtplib.SMTP = smtplib.SMTP_SSL(server.host, server.port, name, timeout=timeout, context=context)
    else:
        client = smtplib.SMTP(server.host, server.port, name, timeout)
    try:
        client.ehlo_or_helo_if_needed()
        if server.security == "starttls":
            _start_tls(client, context, server)
        if server.user:
            _log_in(client, server)
    except BaseException:
        client.close()
        raise
    return client


def _start_tls(client: smtplib.SMTP, context: ssl.SSLContext, server: _Server) -> None:
    if not client.has_extn("starttls"):
        raise _Refused(
            f"{server.place} offers no STARTTLS; write smtps:// in {VARIABLE} if it speaks TLS from the start"
        )
    code, reply = client.starttls(context=context)
    if code != 220:
        raise _Refused(f"{server.place} refuses STARTTLS: {_words(code, reply)}")
    client.ehlo_or_helo_if_needed()


def _log_in(client: smtplib.SMTP, server: _Server) -> None:
    try:
        client.login(server.user, server.password)
    except smtplib.SMTPAuthenticationError as error:
        # Without the server's words, which may hold what we sent.
        told = f"{server.place} refuses the user name or the password ({error.smtp_code})"
        raise _Refused(f"{told}; check them in {VARIABLE}") from None
    except smtplib.SMTPNotSupportedError:
        raise _Refused(
            f"{server.place} asks for no password here; leave it out of {VARIABLE}, or add ?starttls=1"
        ) from None
    except UnicodeEncodeError:
        raise _Refused(f"the user name and the password must be of ASCII letters; check them in {VARIABLE}") from None


def _words(code: int, reply: bytes | str) -> str:
    text = reply.decode("utf-8", "replace") if isinstance(reply, bytes) else reply
    return f"{code} {_line(text)}"[:REPLY_MOST] if code > 0 else "the server ended the connection"


def _told(error: OSError | smtplib.SMTPException) -> str:
    """The trouble in plain words, without our addresses in it."""
    if isinstance(error, TimeoutError) or isinstance(error.__context__, TimeoutError):  # smtplib covers the second
        return "no answer in time"
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate is not trusted ({error.verify_message})"
    if isinstance(error, socket.gaierror):
        return "its name is not known"
    if isinstance(error, smtplib.SMTPServerDisconnected):
        return "the server ended it"
    if isinstance(error, smtplib.SMTPResponseException):
        return _words(error.smtp_code, error.smtp_error)
    return _line(error.strerror or "") if isinstance(error, OSError) else type(error).__name__


def smtp_check(url: str) -> str | None:
    """Connects, logs in and leaves, without a mail; what is wrong, or None."""
    try:
        server = _server(url)
        client = _connect(server, socket.gethostname(), 10.0)
    except (ConfigError, _Refused) as error:
        return str(error)
    except (OSError, smtplib.SMTPException) as error:
        return f"the connection to {server.place} failed: {_told(error)}; check {VARIABLE}"
    with suppress(OSError, smtplib.SMTPException):
        client.quit()
    return None


# --- the folder --------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Folder:
    """Writes each mail as an .eml file, which any mail program opens: one per Message-ID, however often it is sent."""

    path: Path

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        return None

    def send(self, mail: bytes, sender: str, recipient: str, before_data: Callable[[], None]) -> Outcome:  # noqa: ARG002
        """See `Mailer`. The file is there whole or not at all."""
        target = self.path / _file_name(mail, recipient)
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            before_data()
            _write_whole(target, mail)
        except OSError as error:
            return Outcome("deferred", f"{target} cannot be written: {error.strerror}", stop=True)
        return Outcome("sent", f"written to {target}")


def _file_name(mail: bytes, recipient: str) -> str:
    """Recipient, day and a hash of the Message-ID: what is sent again replaces itself."""
    headers = BytesHeaderParser().parsebytes(mail)
    message_id = str(headers["Message-ID"] or hashlib.sha256(mail).hexdigest())
    day = re.search(r"\.(\d{4}-\d\d-\d\d)\.", message_id)
    who = re.sub(r"[^\w@+-]+|\.+", ".", recipient.rpartition("<")[2].strip(">")).strip(".")[:60]
    key = hashlib.sha256(message_id.encode("utf-8", "replace")).hexdigest()[:12]
    return "-".join(filter(None, (who, day[1] if day else "", key))) + ".eml"


def _write_whole(target: Path, content: bytes) -> None:
    """A crash, or a full disk, leaves no half file under the target's name."""
    draft = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        with draft.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(target)
    finally:
        draft.unlink(missing_ok=True)
    _sync_folder(target.parent)


def _sync_folder(folder: Path) -> None:
    if os.name == "posix":  # elsewhere a folder cannot be opened
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
