"""What an operator types."""

import psycopg
import pytest

from clearbill.localdb.__main__ import main

pytestmark = pytest.mark.database


def test_an_operator_starts_looks_connects_and_stops(new_dir, capsys):
    data = ["--data", str(new_dir)]
    assert main(["status", *data]) == 3
    assert main(["start", *data]) == 0
    assert "used by  standing" in capsys.readouterr().out
    assert main(["status", *data]) == 0
    capsys.readouterr()
    for words, user in (([], "clearbill_owner"), (["--app"], "clearbill_app")):
        assert main(["psql-url", *data, *words]) == 0
        with psycopg.connect(capsys.readouterr().out.strip()) as connection:
            assert connection.info.user == user
    assert main(["stop", *data]) == 0
    assert main(["stop", *data]) == 3
    assert main(["status", *data]) == 3


def test_a_refusal_is_a_code_and_a_sentence(new_dir, capsys):
    assert main(["psql-url", "--data", str(new_dir)]) == 1
    assert capsys.readouterr().err.startswith("localdb_not_running: No embedded database runs in")


def test_looking_makes_no_folder(open_folder):
    main(["status", "--data", str(open_folder / "typo")])
    main(["stop", "--data", str(open_folder / "typo")])
    assert list(open_folder.iterdir()) == []
