"""The configuration: what is wrong is named with its value and what is allowed, and secrets are never shown."""

from __future__ import annotations

from pathlib import Path

import pytest

from clearbill.conf.config import DEVELOPMENT_SECRET, Configuration, ConfigurationError, read_configuration

GOOD = {
    "CLEARBILL_ENVIRONMENT": "production",
    "CLEARBILL_SECRET_KEY": "k" * 40,
    "CLEARBILL_PUBLIC_URL": "https://billing.acme.test",
}


def test_nothing_set_is_a_development_machine() -> None:
    assert read_configuration({"HOME": "/root"}) == Configuration()


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("CLEARBILL_PROT", "1", "CLEARBILL_PROT is not a setting of Clearbill. Known are: CLEARBILL_ENVIRONMENT"),
        ("CLEARBILL_PORT", "80a", "CLEARBILL_PORT is “80a”; it must be a whole number"),
        ("CLEARBILL_PORT", "70000", "from 1 to 65535"),
        ("CLEARBILL_PORT", "-1", "from 1 to 65535"),
        ("CLEARBILL_PORT", "²", "it must be a whole number"),
        ("CLEARBILL_THREADS", "0", "from 1 to 65535"),
        ("CLEARBILL_TRUSTED_PROXIES", "-1", "from 0 to 65535"),
        ("CLEARBILL_DATA_DIR", "", "it must name a folder"),
        ("CLEARBILL_ENVIRONMENT", "prod", "allowed are development, production, test"),
        ("CLEARBILL_PUBLIC_URL", "billing.acme.test", "it must be an address such as https://"),
        ("CLEARBILL_DATABASE_URL", "sqlite:///x", "it must look like postgresql://"),
        ("CLEARBILL_DATABASE_URL", "postgresql://[bad", "it must look like postgresql://"),
        ("CLEARBILL_OWNER_URL", "postgresql://u@h:port/x", "it must look like postgresql://"),
        ("CLEARBILL_PUBLIC_URL", "https://", "it must be an address such as https://"),
        ("CLEARBILL_PUBLIC_URL", "https://[bad", "it must be an address such as https://"),
    ],
)
def test_a_wrong_setting_is_named_with_what_is_allowed(name: str, value: str, said: str) -> None:
    with pytest.raises(ConfigurationError) as problem:
        read_configuration({name: value})

    assert said in str(problem.value)


@pytest.mark.parametrize("name", ["CLEARBILL_DATABASE_URL", "CLEARBILL_OWNER_URL"])
def test_an_address_with_a_password_is_not_repeated(name: str) -> None:
    with pytest.raises(ConfigurationError) as problem:
        read_configuration({name: "mysql://root:hunter2@db/x"})

    assert "hunter2" not in str(problem.value)
    assert "(hidden)" in str(problem.value)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({}, ""),
        ({"CLEARBILL_SECRET_KEY": "k" * 39}, "at least 40 random characters"),
        ({"CLEARBILL_SECRET_KEY": DEVELOPMENT_SECRET}, "at least 40 random characters"),
        ({"CLEARBILL_PUBLIC_URL": "http://billing.acme.test"}, "must start with https://"),
    ],
)
def test_production_demands_a_secret_and_https(changes: dict[str, str], said: str) -> None:
    settings = {**GOOD, **changes}
    if not said:
        assert read_configuration(settings).is_production
        return
    with pytest.raises(ConfigurationError, match=said):
        read_configuration(settings)


def test_the_environment_wins_over_the_file(tmp_path: Path) -> None:
    file = tmp_path / ".env"
    file.write_text('# ports\nCLEARBILL_PORT=9000\n\nCLEARBILL_MAIL_FROM="a@acme.test"\nOTHER=1\n')

    found = read_configuration({"CLEARBILL_PORT": "9001"}, dotenv=file)

    assert (found.port, found.mail_from) == (9001, "a@acme.test")


def test_a_line_of_the_file_that_is_no_setting_is_named_by_its_place(tmp_path: Path) -> None:
    file = tmp_path / ".env"
    file.write_text("CLEARBILL_PORT=9000\nexport nothing\n")

    with pytest.raises(ConfigurationError, match="line 2: write NAME=value"):
        read_configuration({}, dotenv=file)


@pytest.mark.parametrize("role", ['x";drop', "Upper", "1st"])
def test_a_role_that_would_need_quoting_is_refused(role: str) -> None:
    with pytest.raises(ConfigurationError):
        _ = Configuration(database_url=f"postgresql://{role}@/x").app_role


@pytest.mark.parametrize(
    ("content", "said"),
    [(b"\xff\xfe", "isn't text in UTF-8"), (b"CLEARBILL_PORT", "line 1: write NAME=value")],
)
def test_a_dotenv_that_cannot_be_read_is_named(tmp_path: Path, content: bytes, said: str) -> None:
    dotenv = tmp_path / ".env"
    dotenv.write_bytes(content)

    with pytest.raises(ConfigurationError) as problem:
        read_configuration({}, dotenv=dotenv)

    assert said in str(problem.value)
    assert str(dotenv) in str(problem.value)


def test_a_dotenv_with_a_byte_order_mark_is_read(tmp_path: Path) -> None:
    dotenv = tmp_path / ".env"
    dotenv.write_bytes(b"\xef\xbb\xbfCLEARBILL_PORT=8100\r\n")

    assert read_configuration({}, dotenv=dotenv).port == 8100


def test_a_configuration_that_is_printed_shows_no_secret() -> None:
    configuration = read_configuration(
        {
            "CLEARBILL_SECRET_KEY": "hunter2",
            "CLEARBILL_DATABASE_URL": "postgresql://app:hunter2@db/x",
            "CLEARBILL_OWNER_URL": "postgresql://owner:hunter2@db/x",
            "CLEARBILL_SMTP_PASSWORD": "hunter2",
            "CLEARBILL_OIDC_CLIENT_SECRET": "hunter2",
        }
    )

    assert configuration.smtp_password == "hunter2"
    assert "hunter2" not in repr(configuration)
