"""Connections: what a file may say, where a key comes from, and where it never goes."""

import os
import stat
import subprocess
import sys
import threading
import time
from types import SimpleNamespace

import pytest

from ovi_studio.actions.connections import connection_of, key_of
from ovi_studio.errors import UsageError
from ovi_studio.project.config import load_config
from ovi_studio.rewrite import server as server_module
from ovi_studio.rewrite.connection import (
    Connection,
    ResponseFormat,
    choose_connection,
    fetch_key,
    read_connection,
)
from ovi_studio.rewrite.pace import CancelledError, Pace
from ovi_studio.rewrite.records import Records
from ovi_studio.rewrite.secret_keys import HIDDEN, Secrets
from ovi_studio.rewrite.server import Server

KEY = "sk-Test0Key1With2Letters3And4Digits5"
LOCAL = {"base_url": "http://localhost:8080/v1", "model": "m"}


def test_a_connection_is_read():
    table = {**LOCAL, "api_key_env": "K", "response_format": "text", "requests_per_minute": 30,
             "price_input": 0.5, "retries": 0}  # fmt: skip
    connection = read_connection("x", table)
    assert connection.response_format is ResponseFormat.TEXT
    assert connection.requests_per_minute == 30.0
    assert connection.price_of(2_000_000, 5) == 1.0
    assert read_connection("x", LOCAL).price_of(1, 1) is None


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ({"modle": "m"}, "Did you mean model?"),
        ({"base_url": "localhost:8080"}, "base_url must be an address"),
        ({"base_url": "http://me:secret@host/v1"}, "may not hold a name"),
        ({"base_url": "http://host/v1?key=1"}, "may not hold a name"),
        ({"base_url": "http://[::1/v1"}, "base_url must be an address"),
        ({"concurrency": 0}, "whole number from 1"),
        ({"concurrency": True}, "whole number"),
        ({"timeout_seconds": -1}, "must be a number above 0"),
        ({"price_input": -1}, "must be a number of 0 or more"),
        ({"timeout_seconds": float("nan")}, "must be a number"),
        ({"response_format": "yaml"}, "one of auto, json_schema"),
        ({"model": 3}, "must be a text"),
        ({"api_version": "2024"}, "Azure endpoint"),
        ({"api_key_command": f"echo {KEY}"}, "holds a key itself"),
    ],
)
def test_what_cannot_be_is_named(table, said):
    with pytest.raises(UsageError, match=r"llm\.x") as caught:
        read_connection("x", table)
    assert said in str(caught.value)
    assert "secret" not in str(caught.value)


def test_which_connection_is_used():
    tables = {"a": LOCAL, "default": {**LOCAL, "model": "d"}}
    openai = {"OPENAI_BASE_URL": "http://o/v1", "OPENAI_API_KEY": "k", "OPENAI_MODEL": "o"}
    assert choose_connection("a", tables, openai).model == "m"
    assert choose_connection(None, tables, openai).model == "d"
    assert choose_connection(None, {"a": LOCAL}, openai).name == "a"
    assert choose_connection(None, {}, openai).model == "o"
    assert choose_connection(None, {"a": LOCAL}, {}).name == "a"
    assert choose_connection("environment", tables, openai).api_key_env == "OPENAI_API_KEY"
    only_key = choose_connection(None, {}, {"OPENAI_API_KEY": "k"})
    assert only_key.address == "https://api.openai.com/v1"
    with pytest.raises(UsageError, match="Choose one"):
        choose_connection(None, {"a": LOCAL, "b": LOCAL}, {})
    with pytest.raises(UsageError, match="--offline"):
        choose_connection(None, {}, {})
    with pytest.raises(UsageError, match="Did you mean default"):
        choose_connection("defualt", tables, {})


def test_a_key_comes_from_a_variable_or_a_command():
    variable = Connection(name="x", api_key_env="K")
    assert fetch_key(variable, {"K": f" {KEY}\n"}) == KEY
    with pytest.raises(UsageError, match="variable K, which is not set"):
        fetch_key(variable, {})
    assert fetch_key(Connection(name="x"), {}) is None
    command = Connection(name="x", api_key_command=f"{sys.executable} -c \"print('{KEY}')\"")
    assert fetch_key(command, {}) == KEY


@pytest.mark.parametrize(
    ("script", "said"),
    [
        ("import sys; print('KEY'); sys.stderr.write('KEY'); sys.exit(3)", "ended with code 3"),
        ("pass", "gave no key"),
        ("print('\\u00e9KEY')", "characters that no key has"),
        ("import sys; sys.stdout.buffer.write(bytes([233]) + b'KEY')", "is no text"),
    ],
)
def test_a_command_that_fails_shows_nothing_of_what_it_wrote(script, said):
    code = script.replace("KEY", KEY).replace('"', "'")
    connection = Connection(name="x", api_key_command=f'{sys.executable} -X utf8 -c "{code}"')
    with pytest.raises(UsageError, match=said) as caught:
        fetch_key(connection, {})
    assert KEY not in str(caught.value)


def test_a_key_written_in_place_of_a_variable_is_not_shown():
    with pytest.raises(UsageError) as caught:
        fetch_key(Connection(name="x", api_key_env=KEY), {})
    assert KEY not in str(caught.value)


def test_a_command_that_does_not_exist_or_hangs_is_told():
    with pytest.raises(UsageError, match=r"cannot be started .*Is it installed"):
        fetch_key(Connection(name="x", api_key_command="no-such-program-here"), {})
    with pytest.raises(UsageError, match="is no command"):
        fetch_key(Connection(name="x", api_key_command="say 'what"), {})

    def hangs(words, **_):
        raise subprocess.TimeoutExpired(words, 1)

    with pytest.raises(UsageError, match="within"):
        fetch_key(Connection(name="x", api_key_command="x"), {}, run=hangs)


def config_in(folder, project, user):
    (folder / "ovi").mkdir(parents=True, exist_ok=True)
    (folder / "ovi" / "config.toml").write_text(user)
    (folder / "ovi.toml").write_text(project)
    return load_config(folder, {"XDG_CONFIG_HOME": str(folder), "HOME": str(folder)})


def test_a_key_of_the_users_own_file_goes_to_its_own_server_only(tmp_path):
    user = f'[llm.mine]\nbase_url = "http://mine/v1"\nmodel = "m"\napi_key = "{KEY}"\n'
    config = config_in(tmp_path, "", user)
    connection = connection_of(config, "mine", environment={})
    assert key_of(config, connection, {}) == KEY
    config = config_in(tmp_path, '[llm.mine]\nbase_url = "http://evil/v1"\n', user)
    connection = connection_of(config, "mine", environment={})
    assert connection.address == "http://evil/v1"
    with pytest.raises(UsageError, match="names another server") as caught:
        key_of(config, connection, {})
    assert KEY not in str(caught.value)


def test_a_model_has_to_be_named(tmp_path):
    config = config_in(tmp_path, '[llm.x]\nbase_url = "http://x/v1"\n', "")
    with pytest.raises(UsageError, match="No model"):
        connection_of(config, "x", environment={})
    assert connection_of(config, "x", model="m", environment={}).model == "m"


def test_azure_is_asked_in_its_own_way(monkeypatch):
    seen = {}

    def azure(**options):
        seen.update(options)
        return SimpleNamespace(close=lambda: None)

    import openai

    fake = SimpleNamespace(
        AzureOpenAI=azure, OpenAI=openai.OpenAI, omit=openai.omit,
        DefaultHttpxClient=openai.DefaultHttpxClient,
    )  # fmt: skip
    monkeypatch.setattr(server_module, "_import_openai", lambda: fake)
    table = {"base_url": "https://x.openai.azure.com", "model": "dep", "api_version": "2024-10-21"}
    Server(read_connection("az", table), KEY)
    assert seen["azure_endpoint"] == "https://x.openai.azure.com"
    assert seen["api_version"] == "2024-10-21"


def test_azure_calls_reach_the_deployment():
    from .fake_server import chat, serving

    with serving(lambda *_: chat("hello")) as fake:
        connection = read_connection(
            "az", {"base_url": fake.url.removesuffix("/v1"), "model": "dep", "api_version": "2024"}
        )
        server = Server(connection, KEY)
        reply = server.complete([{"role": "user", "content": "hi"}], ResponseFormat.TEXT, {}, 9)
        server.close()
    assert reply.text == "hello"
    assert fake.requests[0]["path"] == "/openai/deployments/dep/chat/completions?api-version=2024"
    assert fake.headers[0]["api-key"] == KEY


def test_a_key_does_not_follow_a_redirect_to_another_host():
    from .fake_server import chat, error, serving

    with serving(lambda *_: chat("got it")) as other:
        away = error(307, Location=f"{other.url.replace('127.0.0.1', 'localhost')}/elsewhere")
        with serving(lambda *_: away) as fake:
            azure = {
                "base_url": fake.url.removesuffix("/v1"),
                "model": "dep",
                "api_version": "2024",
            }
            server = Server(read_connection("az", azure), KEY)
            with pytest.raises(server_module.CallError, match=r"another address \(307\).*base_url"):
                server.complete([{"role": "user", "content": "hi"}], ResponseFormat.TEXT, {}, 9)
            server.close()
    assert other.requests == []


def test_a_server_without_a_key_is_sent_none_of_the_users(monkeypatch):
    from .fake_server import chat, serving

    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    monkeypatch.setenv("OPENAI_ORG_ID", f"org-{KEY}")
    monkeypatch.setenv("OPENAI_PROJECT_ID", f"project-{KEY}")
    monkeypatch.setenv("OPENAI_CUSTOM_HEADERS", f"X-Gateway: {KEY}\nX-Other: {KEY}")
    with serving(lambda *_: chat("hello")) as fake:
        server = Server(read_connection("x", {"base_url": fake.url, "model": "m"}), None)
        server.complete([{"role": "user", "content": "hi"}], ResponseFormat.TEXT, {}, 9)
        server.close()
    assert KEY not in str(fake.headers)


@pytest.mark.parametrize(
    "text",
    [
        KEY, f"Bearer {KEY}", KEY[::-1], "c2stVGVzdDBLZXkxV2l0aDJMZXR0ZXJzM0FuZDREaWdpdHM1",
        KEY.encode().hex(), f"x{KEY}y", "Bearer another.key-of_somebody9",
    ],
)  # fmt: skip
def test_keys_are_hidden_however_they_are_written(text):
    secrets = Secrets([KEY])
    hidden = secrets.hide(f"before {text} after")
    assert HIDDEN in hidden
    assert KEY not in hidden
    assert hidden.startswith("before ")
    assert hidden.endswith(" after")
    assert HIDDEN in str(secrets.hide_in({text: [text, {"a": text}]}))


@pytest.mark.parametrize(
    "text", ["The ring bearer straightened his tie.", "api_key: none", "Bearer tokens", "sk-"]
)
def test_ordinary_words_stay(text):
    assert Secrets([KEY]).hide(text) == text


def test_a_key_is_seen_through_signs_strewn_in():
    secrets = Secrets([KEY])
    assert secrets.are_in("say " + "-".join(KEY))
    assert not secrets.are_in("say the ordinary words of a test key with letters and digits")
    assert KEY not in repr(secrets)
    assert not Secrets(["none"]).are_in("none of these")


def test_records_survive_a_cut_line_and_several_writers(tmp_path):
    path = tmp_path / ".ovi" / "rewrite" / "calls.jsonl"
    records = Records(path, Secrets([KEY]))
    records.add({"n": 0, "text": f"é\n{KEY}"})
    with path.open("ab") as stream:
        stream.write(b'{"n": 1, "cut')
    other = Records(path, Secrets())
    threads = [threading.Thread(target=lambda n=n: other.add({"n": n})) for n in range(2, 30)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(record["n"] for record in records) == [0, *range(2, 30)]
    assert KEY.encode() not in path.read_bytes()
    assert (tmp_path / ".ovi" / ".gitignore").read_text() == "*\n"
    if os.name == "posix":
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_rate_limit_keeps_calls_apart():
    cancelled = threading.Event()
    clock = [0.0]
    pauses = []
    pace = Pace(60, None, cancelled, now=lambda: clock[0])
    pace.pause = pauses.append
    for _ in range(3):
        pace.wait(10)
    assert pauses == [0.0, 1.0, 2.0]
    pace = Pace(None, 600, cancelled, now=lambda: clock[0])
    pauses.clear()
    pace.pause = pauses.append
    pace.wait(100)
    pace.wait(1)
    assert pauses == [0.0, 10.0]
    pace.hold_back(30)
    pace.wait(1)
    assert pauses[-1] == 30.0


def test_waiting_ends_when_the_run_is_cancelled():
    cancelled = threading.Event()
    pace = Pace(None, None, cancelled)
    threading.Timer(0.05, cancelled.set).start()
    start = time.monotonic()
    with pytest.raises(CancelledError):
        pace.pause(60)
    assert time.monotonic() - start < 30
