"""The development mail box: it takes mail, shows it harmlessly, keeps a bounded number, and listens to nobody else."""

from __future__ import annotations

import http.client
import json
import os
import signal
import smtplib
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from email.message import EmailMessage
from email.policy import SMTP
from pathlib import Path

import pytest

from clearbill.cli import letters


@dataclass(slots=True)
class Box:
    """A running mail box."""

    smtp_port: int
    port: int
    process: subprocess.Popen[bytes]

    def get(self, path: str, **headers: str) -> tuple[int, dict[str, str], str]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        connection.request("GET", path, headers=headers)
        answer = connection.getresponse()
        return answer.status, dict(answer.getheaders()), answer.read().decode("utf-8", "replace")

    def send(self, mail: EmailMessage | bytes) -> None:
        with smtplib.SMTP("127.0.0.1", self.smtp_port, timeout=10) as server:
            content = mail if isinstance(mail, bytes) else mail.as_bytes(policy=SMTP)
            server.sendmail("from@x.example", ["to@y.example"], content)


def free_ports(count: int) -> list[int]:
    probes = [socket.socket() for _ in range(count)]
    for probe in probes:
        probe.bind(("127.0.0.1", 0))
    ports = [probe.getsockname()[1] for probe in probes]
    for probe in probes:
        probe.close()
    return ports


@pytest.fixture(scope="module")
def box(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Box]:
    folder = tmp_path_factory.mktemp("mailbox")
    smtp_port, port = free_ports(2)
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("CLEARBILL_", "DJANGO_"))}
    settings = {"CLEARBILL_SMTP_PORT": str(smtp_port), "CLEARBILL_MAILBOX_PORT": str(port)}
    process = subprocess.Popen([sys.executable, "-m", "clearbill.cli.main", "mailbox"], cwd=folder, env=kept | settings)
    until = time.monotonic() + 20
    while time.monotonic() < until:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", smtp_port)) == 0:
                break
        time.sleep(0.05)
    yield Box(smtp_port, port, process)
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=10) == 0


def letter(**changes: str) -> EmailMessage:
    mail = EmailMessage()
    words = {"From": "Acme <billing@acme.example>", "To": "anna@customer.example", "Subject": "Invoice 7", **changes}
    for name, value in words.items():
        mail[name] = value
    mail.set_content("Pay <soon>.\n")
    mail.add_alternative('<p style="color:red">Pay</p><script>steal()</script>', subtype="html")
    return mail


def newest(box: Box) -> str:
    return box.get("/")[2].split("/letters/", 1)[1].split("/", 1)[0]


def test_a_mail_that_was_sent_is_listed_and_shown(box: Box) -> None:
    box.send(letter(Subject="Rechnung für Müller"))

    _status, _headers, listed = box.get("/")
    status, headers, shown = box.get(f"/letters/{newest(box)}/")

    assert "Rechnung für Müller" in listed
    assert "anna@customer.example" in listed
    assert status == 200
    assert "Pay &lt;soon&gt;." in shown
    assert 'sandbox=""' in shown
    assert "steal()" not in shown
    assert "default-src 'none'" in headers["Content-Security-Policy"]
    assert "unsafe" not in headers["Content-Security-Policy"]


def test_what_a_mail_says_of_itself_is_never_markup(box: Box) -> None:
    box.send(letter(Subject="<script>alert(1)</script>", To='"<img src=x>" <x@y.example>'))

    for path in ("/", f"/letters/{newest(box)}/"):
        page = box.get(path)[2]
        assert "<script" not in page
        assert "<img src=x" not in page


def test_the_page_of_a_mail_may_run_and_load_nothing(box: Box) -> None:
    box.send(letter())

    _status, headers, page = box.get(f"/letters/{newest(box)}/page")

    assert "<script>steal()" in page
    policy = headers["Content-Security-Policy"]
    assert policy.startswith("sandbox; default-src 'none'")
    assert "script-src" not in policy
    assert headers["X-Content-Type-Options"] == "nosniff"


def test_an_attachment_comes_back_byte_for_byte_and_never_as_a_page(box: Box) -> None:
    mail = letter()
    mail.add_attachment(b"%PDF-\x00\xff", maintype="application", subtype="pdf", filename="Rechnung ü.pdf")
    mail.add_attachment(b"<script>1</script>", maintype="text", subtype="html", filename="evil.html")
    box.send(mail)
    name = newest(box)

    status, headers, _content = box.get(f"/letters/{name}/files/0")
    _status, evil, _content = box.get(f"/letters/{name}/files/1")

    assert status == 200
    assert headers["Content-Type"] == "application/pdf"
    assert headers["Content-Disposition"] == "attachment; filename*=UTF-8''Rechnung%20%C3%BC.pdf"
    assert evil["Content-Type"] == "application/octet-stream"
    assert evil["Content-Disposition"].startswith("attachment")
    assert box.get(f"/letters/{name}/files/2")[0] == 404


def test_a_mail_that_is_no_mail_is_shown_all_the_same(box: Box) -> None:
    box.send(b"Subject: =?nonsense?q?x?=\r\nContent-Type: text/plain; charset=klingon\r\n\r\n\xff\xfe\x00broken")

    assert box.get("/")[0] == 200
    assert box.get(f"/letters/{newest(box)}/")[0] == 200
    assert box.get(f"/letters/{newest(box)}/source")[1]["Content-Type"].startswith("text/plain")


@pytest.mark.parametrize(
    "path", ["/letters/../../../etc/passwd/source", "/letters/%2e%2e/source", "/nothing", "/letters/1/", "/?from=-1x"]
)
def test_a_path_that_is_not_there_shows_nothing_of_the_machine(box: Box, path: str) -> None:
    status, _headers, page = box.get(path)

    assert status in (404, 200)
    assert "root:" not in page


def test_a_name_of_somebody_else_that_leads_here_shows_nothing(box: Box) -> None:
    assert box.get("/", Host="evil.example")[0] == 404
    assert box.get("/", Host=f"localhost:{box.port}")[0] == 200


def test_it_speaks_the_language_that_was_chosen(box: Box) -> None:
    _status, headers, page = box.get("/?lang=zh-hans")

    assert '<html lang="zh-hans">' in page
    assert headers["Set-Cookie"].startswith("clearbill_language=zh-hans;")
    assert '<html lang="zh-hans">' in box.get("/", Cookie="clearbill_language=zh-hans")[2]
    assert '<html lang="zh-hans">' in box.get("/", **{"Accept-Language": "zh-CN,zh;q=0.9"})[2]
    assert '<html lang="en">' in box.get("/", Cookie="clearbill_language=klingon")[2]


def test_it_listens_on_this_machine_only(box: Box) -> None:
    listening = Path(f"/proc/{box.process.pid}/net/tcp").read_text().splitlines()[1:]
    ours = {f"{port:04X}" for port in (box.smtp_port, box.port)}
    hosts = {line.split()[1].split(":")[0] for line in listening if line.split()[1].split(":")[1] in ours}

    assert hosts == {"0100007F"}


def test_nobody_else_on_the_machine_can_read_the_letters(tmp_path: Path) -> None:
    letters.put(tmp_path / "box", b"Subject: x\n\nx")

    assert (tmp_path / "box").stat().st_mode & 0o077 == 0


def test_only_the_newest_are_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(letters, "MAX_KEPT", 3)
    for number in range(5):
        letters.put(tmp_path, letter(Subject=f"number {number}").as_bytes())

    found, total = letters.letters(tmp_path, first=0, limit=10)

    assert [each.subject for each in found] == ["number 4", "number 3", "number 2"]
    assert total == 3
    assert len(list(tmp_path.iterdir())) == 3
    assert json.dumps([each.name for each in found])
