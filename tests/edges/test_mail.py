"""Mail: its bytes, and what becomes of it on a real server that behaves in every way that servers do."""

import email
import shutil
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from email import policy
from email.message import EmailMessage
from functools import partial
from pathlib import Path
from typing import Any, cast

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP as Server
from aiosmtpd.smtp import AuthResult, Envelope, Session
from hypothesis import given
from hypothesis import strategies as st

from digest.edges.mail import Folder, Outcome, Smtp, backoff, build, smtp_check
from digest.errors import ConfigError, DigestError
from digest.records import Email

DAY = date(2021, 3, 19)
NOW = datetime(2021, 3, 19, 5, 30, tzinfo=UTC)
EMAIL = Email("网信办约谈 11 家企业 · 19 Mar 2021", "<p lang='zh'>国家网信办</p>", "国家网信办约谈了腾讯。\n")
SENDER, READER = "Digest <digest@desk.example>", "reader@example.org"
PASSWORD = "correct-horse-battery"


def made(
    message: Email = EMAIL, sender: str = SENDER, recipient: str = READER, edition: str = "morning", day: date = DAY
) -> bytes:
    return build(message, sender=sender, recipient=recipient, edition=edition, day=day, now=NOW)[1]


def parsed(mail: bytes) -> EmailMessage:
    return email.message_from_bytes(mail, policy=policy.default)


def header_block(mail: bytes) -> str:
    return mail.partition(b"\r\n\r\n")[0].decode("ascii")


# --- the message -------------------------------------------------------------------------------------------------


def test_both_parts_carry_the_text_as_it_is_in_base64() -> None:
    message = parsed(made())
    text, html = cast(list[EmailMessage], list(message.iter_parts()))
    assert message.get_content_type() == "multipart/alternative"
    assert text.get_content().splitlines() == EMAIL.text.splitlines()
    assert html.get_content().splitlines() == EMAIL.html.splitlines()
    assert {part["Content-Transfer-Encoding"] for part in (text, html)} == {"base64"}


def test_headers_name_the_issue_and_the_robot() -> None:
    message = parsed(made())
    assert message["Subject"] == EMAIL.subject
    assert message["From"] == SENDER
    assert message["To"] == READER
    assert message["Date"].datetime == NOW
    assert message["Auto-Submitted"] == "auto-generated"
    assert message["List-Id"] == "<morning.digest.desk.example>"


def test_same_issue_makes_the_same_bytes_and_id() -> None:
    assert made() == made()


@pytest.mark.parametrize(
    "change", [{"recipient": "other@example.org"}, {"edition": "noon"}, {"day": date(2021, 3, 20)}]
)
def test_message_id_belongs_to_edition_day_and_recipient(change: dict[str, Any]) -> None:
    assert parsed(made(**change))["Message-ID"] != parsed(made())["Message-ID"]


def test_message_id_stays_when_the_contents_change() -> None:
    assert parsed(made(Email("other", "", "")))["Message-ID"] == parsed(made())["Message-ID"]


def test_long_ids_stay_on_one_line_and_are_not_encoded() -> None:
    mail = made(edition="e" * 60, sender=f"digest@{'sub.' * 20}example.org")
    lines = header_block(mail).split("\r\n")
    ids = [line for line in lines if line.startswith(("Message-ID:", "List-Id:"))]
    assert len(ids) == 2
    assert all(line.endswith("example.org>") and "=?" not in line for line in ids)


@pytest.mark.parametrize(
    "mark", ["\r\n", "\n", "\r", "\x0b", "\x0c", "\x1c", "\x85", "\u2028", "\u2029", "\0", "\ud800"]
)
def test_nothing_in_a_title_breaks_or_adds_a_header(mark: str) -> None:
    mail = made(Email(f"One{mark}Bcc: all@example.org", "", ""))
    message = parsed(mail)
    assert message["Subject"] == "One Bcc: all@example.org"
    assert message["Bcc"] is None
    assert not message.defects


@given(st.text(st.characters(exclude_categories=["Cc", "Cs", "Zl", "Zp"]), max_size=120))
def test_any_subject_comes_out_as_it_went_in_on_lines_of_legal_length(subject: str) -> None:
    mail = made(Email(subject, "", ""))
    bare = "".join(" " if character in "\u202a\u202b\u202c\u202d\u202e" else character for character in subject)
    assert parsed(mail)["Subject"] == " ".join(bare.split())
    assert all(len(line) <= 98 for line in header_block(mail).split("\r\n"))


def test_title_that_looks_like_an_encoded_word_is_not_decoded() -> None:
    assert parsed(made(Email("=?utf-8?q?boss=40bank?= 腾讯", "", "")))["Subject"] == "=?utf-8?q?boss=40bank?= 腾讯"


def test_isolates_around_a_right_to_left_title_survive() -> None:
    subject = "\u2068بكين تستدعي 11 شركة\u2069 · 19 Mar 2021"
    assert parsed(made(Email(subject, "", "")))["Subject"] == subject


def test_lone_surrogate_in_a_part_costs_one_character() -> None:
    text = next(iter(parsed(made(Email("s", "", "a\ud800b\n"))).iter_parts()))
    assert cast(EmailMessage, text).get_content() == "a?b\r\n"


def test_foreign_domain_is_written_in_ascii() -> None:
    mail = made(sender="digest@bücher.example", recipient="Jürgen <j@bücher.example>")
    assert "bücher" not in header_block(mail)
    assert parsed(mail)["To"].addresses[0].addr_spec == "j@xn--bcher-kva.example"
    assert parsed(mail)["To"].addresses[0].display_name == "Jürgen"


def test_foreign_mailbox_is_written_in_utf8() -> None:
    assert "To: 用户@example.org\r\n".encode() in made(recipient="用户@example.org")


@pytest.mark.parametrize("address", ["", "nobody", "a@", "(" * 3000, "a@b@c", "a@.example", f"a@{'ü' * 70}.example"])
def test_what_is_no_address_is_told(address: str) -> None:
    with pytest.raises(DigestError):
        made(recipient=address)


def test_a_mail_of_chinese_grows_by_little_more_than_a_third() -> None:
    body = "国家网信办约谈了腾讯。" * 500
    assert len(made(Email("s", body, ""))) < 1.45 * len(body.encode())


# --- the schedule of tries ---------------------------------------------------------------------------------------


def test_waits_double_from_five_minutes_to_four_hours_and_end_within_a_day() -> None:
    waits = [wait for attempt in range(1, 40) if (wait := backoff(attempt))]
    assert waits[:3] == [timedelta(minutes=5), timedelta(minutes=10), timedelta(minutes=20)]
    assert waits == sorted(waits)
    assert waits[-1] == timedelta(hours=4)
    assert timedelta(hours=20) < sum(waits, timedelta()) <= timedelta(hours=24)
    assert backoff(len(waits) + 1) is None


def test_a_huge_number_of_tries_is_no_trouble() -> None:
    assert backoff(10_000) is None


# --- a server ----------------------------------------------------------------------------------------------------

Answer = Callable[[Server], str]


class Handler:
    """Answers as its script says; what it accepts it keeps."""

    def __init__(self, **answers: str | Answer) -> None:
        self.answers = answers
        self.mails: list[bytes] = []
        self.helos: list[str] = []

    def _answer(self, server: Server, verb: str) -> str:
        answer = self.answers.get(verb, "250 OK")
        return answer if isinstance(answer, str) else answer(server)

    async def handle_EHLO(
        self, server: Server, session: Session, envelope: Envelope, hostname: str, responses: list[str]
    ) -> list[str]:
        session.host_name = hostname
        self.helos.append(hostname)
        return responses

    async def handle_MAIL(
        self, server: Server, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return self._answer(server, "MAIL")

    async def handle_RCPT(
        self, server: Server, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        envelope.rcpt_tos.append(address)
        return self._answer(server, f"RCPT {address}" if f"RCPT {address}" in self.answers else "RCPT")

    async def handle_DATA(self, server: Server, session: Session, envelope: Envelope) -> str:
        reply = self._answer(server, "DATA")
        if reply.startswith("250"):
            self.mails.append(cast(bytes, envelope.original_content))
        return reply


def drop(server: Server) -> str:
    """The connection is cut in the midst of the transaction."""
    server.transport.abort()
    return "250 OK"


def hang(server: Server) -> str:
    time.sleep(0.7)
    return "250 too late"


@contextmanager
def serving(handler: Handler, **options: Any) -> Iterator[Controller]:
    controller = Controller(handler, hostname="127.0.0.1", port=free_port(), **options)
    controller.start()
    try:
        yield controller
    finally:
        controller.stop()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def sent_through(controller: Controller, *recipients: str, timeout: float = 5.0) -> tuple[list[Outcome], list[str]]:
    """What became of a mail to each recipient over one connection, and to whom data had begun."""
    started: list[str] = []
    with Smtp(f"smtp://127.0.0.1:{controller.port}", timeout=timeout) as mailer:
        outcomes = [
            mailer.send(made(recipient=recipient), SENDER, recipient, partial(started.append, recipient))
            for recipient in recipients
        ]
    return outcomes, started


def test_a_mail_arrives_byte_for_byte() -> None:
    handler = Handler()
    with serving(handler) as controller:
        (outcome,), started = sent_through(controller, READER)
    assert (outcome.state, outcome.stop) == ("sent", False)
    assert handler.mails == [made()]
    assert started == [READER]


def test_mails_share_one_connection() -> None:
    handler = Handler()
    with serving(handler) as controller:
        outcomes, _ = sent_through(controller, "a@example.org", "b@example.org", "c@example.org")
    assert [outcome.state for outcome in outcomes] == ["sent"] * 3
    assert handler.helos == ["desk.example"]


@pytest.mark.parametrize(
    ("answers", "state", "stop", "began"),
    [
        ({"RCPT": "451 4.7.1 greylisted, come back"}, "deferred", False, False),
        ({"RCPT": "452 4.2.2 mailbox full"}, "deferred", False, False),
        ({"RCPT": "550 5.1.1 no such user"}, "failed", False, False),
        ({"RCPT": "530 5.7.0 authentication required"}, "deferred", True, False),
        ({"RCPT": "421 4.3.2 shutting down"}, "deferred", True, False),
        ({"MAIL": "451 4.3.0 try later"}, "deferred", False, False),
        ({"RCPT": "251 user not local; will forward"}, "sent", False, True),
        ({"MAIL": "552 5.3.4 message too big"}, "failed", False, False),
        ({"MAIL": "550 5.7.1 sender not allowed"}, "deferred", True, False),
        ({"DATA": "451 4.3.0 try later"}, "deferred", False, True),
        ({"DATA": "554 5.6.0 content refused"}, "failed", False, True),
        ({"DATA": "421 4.3.2 shutting down"}, "deferred", True, True),
        ({"MAIL": drop}, "deferred", True, False),
        ({"RCPT": drop}, "deferred", True, False),
        ({"DATA": drop}, "deferred", True, True),
    ],
    ids=lambda value: str(value) if isinstance(value, str) else None,
)
def test_each_refusal_has_its_outcome(answers: dict[str, str | Answer], state: str, stop: bool, began: bool) -> None:
    handler = Handler(**answers)
    with serving(handler) as controller:
        (outcome,), started = sent_through(controller, READER)
    assert (outcome.state, outcome.stop, bool(started)) == (state, stop, began)
    assert outcome.reply


def test_one_refused_recipient_does_not_hurt_the_next() -> None:
    handler = Handler(**{"RCPT bad@example.org": "550 5.1.1 no such user"})
    with serving(handler) as controller:
        outcomes, started = sent_through(controller, "a@example.org", "bad@example.org", "c@example.org")
    assert [outcome.state for outcome in outcomes] == ["sent", "failed", "sent"]
    assert outcomes[1].reply == "550 5.1.1 no such user"
    assert started == ["a@example.org", "c@example.org"]


def test_after_a_lost_connection_the_next_mail_opens_another() -> None:
    handler = Handler(**{"RCPT bad@example.org": drop})
    with serving(handler) as controller:
        outcomes, _ = sent_through(controller, "a@example.org", "bad@example.org", "c@example.org")
    assert [outcome.state for outcome in outcomes] == ["sent", "deferred", "sent"]
    assert len(handler.helos) == 2


def test_a_connection_that_the_server_closed_meanwhile_is_opened_anew() -> None:
    handler = Handler()
    with (
        serving(handler, timeout=0.3) as controller,
        Smtp(f"smtp://127.0.0.1:{controller.port}", timeout=5) as mailer,
    ):
        first = mailer.send(made(), SENDER, READER, lambda: None)
        time.sleep(0.6)
        second = mailer.send(made(), SENDER, READER, lambda: None)
    assert (first.state, second.state) == ("sent", "sent")


@pytest.mark.parametrize("verb", ["MAIL", "DATA"])
def test_a_server_that_does_not_answer_costs_no_more_than_the_timeout(verb: str) -> None:
    with serving(Handler(**{verb: hang})) as controller:
        began = time.monotonic()
        (outcome,), _ = sent_through(controller, READER, timeout=0.3)
        assert time.monotonic() - began < 2
    assert (outcome.state, outcome.stop) == ("deferred", True)
    assert "no answer in time" in outcome.reply


def test_a_server_that_is_not_there_stops_the_round() -> None:
    port = free_port()
    with Smtp(f"smtp://127.0.0.1:{port}", timeout=1) as mailer:
        outcome = mailer.send(made(), SENDER, READER, pytest.fail)
    assert (outcome.state, outcome.stop) == ("deferred", True)
    assert f"127.0.0.1:{port}" in outcome.reply


def test_a_server_that_refuses_at_the_door_stops_the_round() -> None:
    with scripted(b"421 4.3.2 too busy\r\n") as port, Smtp(f"smtp://127.0.0.1:{port}", timeout=1) as mailer:
        outcome = mailer.send(made(), SENDER, READER, pytest.fail)
    assert (outcome.state, outcome.stop) == ("deferred", True)
    assert "421 4.3.2 too busy" in outcome.reply


def test_a_long_or_hostile_reply_is_kept_to_one_short_line() -> None:
    with serving(Handler(RCPT=f"550-5.1.1 {'x' * 400}\r\n550 5.1.1 end")) as controller:
        (outcome,), _ = sent_through(controller, READER)
    assert outcome.state == "failed"
    assert len(outcome.reply) <= 300
    assert "\n" not in outcome.reply


def test_foreign_mailbox_goes_out_where_the_server_can_carry_it() -> None:
    handler = Handler()
    with serving(handler, enable_SMTPUTF8=True) as controller:
        (outcome,), _ = sent_through(controller, "用户@example.org")
    assert outcome.state == "sent"
    assert handler.mails == [made(recipient="用户@example.org")]


def test_foreign_mailbox_fails_alone_where_the_server_cannot() -> None:
    with serving(Handler(), enable_SMTPUTF8=False) as controller:
        outcomes, _ = sent_through(controller, "用户@example.org", READER)
    assert [(outcome.state, outcome.stop) for outcome in outcomes] == [("failed", False), ("sent", False)]


@contextmanager
def scripted(greeting: bytes) -> Iterator[int]:
    """A socket that says one thing and hangs up."""

    def serve(listener: socket.socket) -> None:
        connection, _ = listener.accept()
        connection.sendall(greeting)
        connection.close()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve, args=(listener,), daemon=True)
        thread.start()
        yield int(listener.getsockname()[1])
        thread.join(timeout=5)


# --- who may come in ---------------------------------------------------------------------------------------------


def authenticator(server: Server, session: Session, envelope: Envelope, mechanism: str, data: Any) -> AuthResult:
    good = mechanism in ("PLAIN", "LOGIN") and (data.login, data.password) == (b"desk@x", PASSWORD.encode())
    return AuthResult(success=good, handled=False)


AUTH = {"authenticator": authenticator, "auth_require_tls": False, "auth_required": True}


# aiosmtpd itself warns that logging in without TLS is a risk; here it never leaves loopback.
@pytest.mark.filterwarnings("ignore:Requiring AUTH while not requiring TLS:UserWarning")
def test_user_and_password_come_out_of_the_url() -> None:
    handler = Handler()
    with serving(handler, **AUTH) as controller:
        url = f"smtp://desk%40x:{PASSWORD}@127.0.0.1:{controller.port}"
        with Smtp(url, timeout=5) as mailer:
            assert mailer.send(made(), SENDER, READER, lambda: None).state == "sent"
        assert smtp_check(url) is None
    assert handler.mails


@pytest.mark.filterwarnings("ignore:Requiring AUTH while not requiring TLS:UserWarning")
def test_a_wrong_password_stops_the_round_with_a_remedy_and_without_the_password() -> None:
    with serving(Handler(), **AUTH) as controller:
        url = f"smtp://desk%40x:{PASSWORD}-wrong@127.0.0.1:{controller.port}"
        with Smtp(url, timeout=5) as mailer:
            outcome = mailer.send(made(), SENDER, READER, pytest.fail)
        told = smtp_check(url)
    assert (outcome.state, outcome.stop) == ("deferred", True)
    assert "check them in DIGEST_SMTP_URL" in outcome.reply
    assert told is not None
    assert PASSWORD not in outcome.reply + told + repr(mailer)


def test_a_server_that_knows_no_passwords_is_told_apart() -> None:
    with serving(Handler()) as controller:
        told = smtp_check(f"smtp://desk:{PASSWORD}@127.0.0.1:{controller.port}")
    assert told is not None
    assert "leave it out" in told


def test_a_server_without_starttls_gets_neither_password_nor_mail() -> None:
    with serving(Handler()) as controller, Smtp(f"smtp://127.0.0.1:{controller.port}?starttls=1", timeout=5) as mailer:
        outcome = mailer.send(made(), SENDER, READER, pytest.fail)
    assert (outcome.state, outcome.stop) == ("deferred", True)
    assert "no STARTTLS" in outcome.reply


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate for 127.0.0.1 that nobody has signed, with its key."""
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("no openssl to make a certificate with")
    path = tmp_path_factory.mktemp("tls") / "server.pem"
    command = f"{openssl} req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=127.0.0.1"
    names = ["-addext", "subjectAltName=IP:127.0.0.1", "-keyout", str(path) + ".key", "-out", str(path)]
    subprocess.run([*command.split(), *names], check=True, capture_output=True)
    path.write_text(path.read_text() + Path(str(path) + ".key").read_text())
    return path


def server_context(certificate: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    return context


def test_starttls_with_a_trusted_certificate_delivers(certificate: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    handler = Handler()
    with serving(handler, tls_context=server_context(certificate), require_starttls=True) as controller:
        url = f"smtp+starttls://127.0.0.1:{controller.port}"
        assert smtp_check(url) is None
        with Smtp(url, timeout=5) as mailer:
            assert mailer.send(made(), SENDER, READER, lambda: None).state == "sent"
    assert handler.mails == [made()]


@pytest.mark.filterwarnings("ignore::ResourceWarning")  # of asyncio, for the transport that fails to shake hands
def test_a_certificate_that_is_not_trusted_stops_the_round(certificate: Path) -> None:
    with serving(Handler(), tls_context=server_context(certificate)) as controller:
        with Smtp(f"smtp://127.0.0.1:{controller.port}?starttls=1", timeout=5) as mailer:
            outcome = mailer.send(made(), SENDER, READER, pytest.fail)
        time.sleep(0.05)
    assert (outcome.state, outcome.stop) == ("deferred", True)
    assert "certificate is not trusted" in outcome.reply


def test_a_password_that_smtp_cannot_carry_is_told() -> None:
    with serving(Handler(), **(AUTH | {"auth_required": False})) as controller:
        told = smtp_check(f"smtp://desk:%E5%AF%86@127.0.0.1:{controller.port}")
    assert told is not None
    assert "ASCII" in told


def test_smtps_speaks_tls_from_the_start(certificate: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    handler = Handler()
    with (
        serving(handler, ssl_context=server_context(certificate)) as controller,
        Smtp(f"smtps://127.0.0.1:{controller.port}", timeout=5) as mailer,
    ):
        outcome = mailer.send(made(), SENDER, READER, lambda: None)
    assert outcome.state == "sent"
    assert handler.mails == [made()]


def test_a_host_that_has_no_address_is_told() -> None:
    told = smtp_check("smtp://mail.invalid:25")
    assert told is not None
    assert "mail.invalid:25" in told


@pytest.mark.parametrize(
    "url",
    [
        "",
        "mail.example.org",
        "http://mail.example.org",
        "smtp://",
        f"smtp://desk:{PASSWORD}@mail.example.org",
        f"smtp://desk:{PASSWORD}@127.0.0.1:port",
        f"smtp://desk:{PASSWORD}@127.0.0.1:99999",
        f"smtp://desk:{PASSWORD}@[127.0.0.1",
        f"smtps://desk:{PASSWORD}@mail.example.org/path",
        f"smtps://desk:{PASSWORD}@mail.example.org?tls=1",
        f"smtps://desk:{PASSWORD}@mail.example.org?starttls=maybe",
    ],
)
def test_a_wrong_url_is_told_with_a_remedy_and_without_the_password(url: str) -> None:
    with pytest.raises(ConfigError) as caught:
        Smtp(url)
    assert "smtps://" in str(caught.value)
    assert PASSWORD not in f"{caught.value!r} {caught.value} {caught.value.__cause__!r}"
    assert smtp_check(url) == str(caught.value)


@pytest.mark.parametrize(
    ("url", "port", "security"),
    [
        ("smtp://mail.example.org", 25, ""),
        ("smtp://u:p@mail.example.org?starttls=1", 587, "starttls"),
        ("smtp+starttls://u:p@mail.example.org", 587, "starttls"),
        ("smtps://u:p@mail.example.org", 465, "tls"),
        ("smtps://u:p@mail.example.org:2465", 2465, "tls"),
    ],
)
def test_the_url_says_port_and_security(url: str, port: int, security: str) -> None:
    server = Smtp(url).server
    assert (server.port, server.security) == (port, security)


# --- the folder --------------------------------------------------------------------------------------------------


def test_a_folder_takes_mails_as_files_that_open(tmp_path: Path) -> None:
    started = []
    with Folder(tmp_path / "mail") as folder:
        outcome = folder.send(made(), SENDER, f"Reader <{READER}>", lambda: started.append(1))
    (file,) = (tmp_path / "mail").iterdir()
    assert outcome.state == "sent"
    assert started == [1]
    assert file.read_bytes() == made()
    assert file.name.startswith("reader@example.org-2021-03-19-")
    assert file.suffix == ".eml"


def test_the_same_mail_twice_is_one_file(tmp_path: Path) -> None:
    folder = Folder(tmp_path)
    for message in (EMAIL, Email("later", "", "")):
        folder.send(made(message), SENDER, READER, lambda: None)
    (file,) = tmp_path.iterdir()
    assert parsed(file.read_bytes())["Subject"] == "later"


@pytest.mark.parametrize("recipient", ["../../etc/passwd@x", "a/b\\c@x", "\0@x", "..", "长" * 400 + "@x", "CON@x"])
def test_no_recipient_leads_out_of_the_folder(recipient: str, tmp_path: Path) -> None:
    outcome = Folder(tmp_path / "mail").send(made(), SENDER, recipient, lambda: None)
    assert outcome.state == "sent"
    assert [path.parent for path in tmp_path.rglob("*.eml")] == [tmp_path / "mail"]


def test_a_folder_that_cannot_be_written_defers(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    outcome = Folder(tmp_path / "file").send(made(), SENDER, READER, lambda: None)
    assert (outcome.state, outcome.stop) == ("deferred", True)


def test_a_failed_write_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    outcome = Folder(tmp_path).send(made(), SENDER, READER, lambda: None)
    assert (outcome.state, outcome.stop) == ("deferred", True)
    assert "No space left" in outcome.reply
    assert not list(tmp_path.iterdir())
