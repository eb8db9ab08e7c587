"""Who may ask the server, from where, and how much: hosts, other sites, secrets, sizes, files."""

import socket
from contextlib import suppress

import httpx
import pytest

from ovi_studio.web.login import LOCKED_SECONDS, MAX_GUESSES, Login
from ovi_studio.web.serving import ServingOptions, check_secret, needs_secret
from tests.studio.render.tasks import make_task
from tests.studio.web.serving import (
    ROOT,
    keep_with_fake_worker,
    picture_bytes,
    running_server,
    small_limits,
    wait_until_ended,
)

SECRET = "open sesame, please"
ORDER = {"prompt": "a cat", "model": "nano", "steps": 4}


@pytest.fixture(autouse=True)
def _package_is_found(monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(ROOT))


@pytest.fixture(scope="module")
def open_server(tmp_path_factory):
    """On loopback, without a secret."""
    with running_server(tmp_path_factory.mktemp("open")) as running:
        yield running


@pytest.fixture(scope="module")
def locked_server(tmp_path_factory):
    """One that others can reach."""
    with running_server(tmp_path_factory.mktemp("locked"), secret=SECRET) as running:
        yield running


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("localhost", 200),
        ("LOCALHOST:{port}", 200),
        ("127.0.0.1:{port}", 200),
        ("[::1]:{port}", 200),
        ("evil.example", 421),
        ("localhost.evil.example", 421),
        ("127.0.0.1.evil.example:{port}", 421),
        ("192.168.1.5", 421),
        ("localhost/@evil.example", 400),
        ("", 400),
    ],
)
def test_only_the_names_of_loopback_are_answered(open_server, host, status):
    headers = {"host": host.format(port=open_server.port)}
    assert open_server.client().get("/v1/queue", headers=headers).status_code == status


def test_two_hosts_are_one_too_many(open_server):
    with socket.create_connection(("127.0.0.1", open_server.port)) as line:
        line.sendall(
            b"GET /v1/queue HTTP/1.1\r\nHost: localhost\r\nHost: evil.example\r\n"
            b"Connection: close\r\n\r\n"
        )
        assert b" 400 " in line.makefile("rb").readline()


@pytest.mark.parametrize(
    ("method", "headers", "status"),
    [
        ("POST", {}, 200),
        ("POST", {"origin": "http://127.0.0.1:{port}"}, 200),
        ("POST", {"origin": "http://evil.example"}, 403),
        ("POST", {"origin": "http://127.0.0.1:1"}, 403),
        ("POST", {"origin": "null"}, 403),
        ("POST", {"sec-fetch-site": "cross-site"}, 403),
        ("POST", {"sec-fetch-site": "same-site"}, 403),
        ("POST", {"sec-fetch-site": "same-origin"}, 200),
        ("GET", {"sec-fetch-site": "cross-site", "sec-fetch-mode": "no-cors"}, 403),
        ("GET", {"origin": "http://evil.example"}, 403),
    ],
)
def test_other_sites_cannot_make_a_browser_ask(open_server, method, headers, status):
    address = "/v1/queue/pause" if method == "POST" else "/v1/queue"
    headers = {name: value.format(port=open_server.port) for name, value in headers.items()}
    answer = open_server.client().request(method, address, headers=headers)
    assert answer.status_code == status
    assert "access-control-allow-origin" not in answer.headers


def test_a_browser_is_told_to_load_nothing_from_elsewhere(open_server):
    headers = open_server.client().get("/v1/queue").headers
    assert "default-src 'none'" in headers["content-security-policy"]
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["x-frame-options"] == "DENY"
    assert "server" not in headers or "uvicorn" in headers["server"]


@pytest.mark.parametrize("token", ["", "Bearer", "Bearer wrong", f"Basic {SECRET}", SECRET])
def test_without_the_token_nothing_is_told(locked_server, token):
    client = locked_server.client(headers={"authorization": token} if token else {})
    for address in ("/v1/queue", "/v1/videos", "/v1/openapi.json", "/", "/v1/nothing"):
        answer = client.get(address)
        assert answer.status_code == 401
        assert answer.headers["www-authenticate"].startswith("Bearer")
        assert answer.json()["error"]["type"] == "authentication_error"


def test_with_the_token_programs_come_in_under_any_name(locked_server):
    client = locked_server.client(headers={"authorization": f"Bearer {SECRET}"})
    assert client.get("/v1/queue").status_code == 200
    assert client.get("/v1/queue", headers={"host": "box.example:7860"}).status_code == 200
    assert client.get("/v1/openapi.json").json()["security"] == [{"token": []}]


def test_a_person_comes_in_with_the_password_and_leaves(locked_server):
    client = locked_server.client()
    page = client.get("/", headers={"accept": "text/html"})
    assert (page.status_code, page.headers["location"]) == (303, "/login")
    assert 'type="password"' in client.get("/login").text
    assert client.post("/login", data={"password": "wrong"}).status_code == 401
    assert client.get("/v1/queue").status_code == 401
    entered = client.post("/login", data={"password": SECRET})
    assert (entered.status_code, entered.headers["location"]) == (303, "/")
    cookie = entered.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=lax" in cookie
    assert SECRET not in cookie
    assert client.get("/v1/queue").status_code == 200
    foreign = {"origin": "http://evil.example"}
    assert client.post("/v1/queue/pause", headers=foreign).status_code == 403
    assert client.post("/logout").status_code == 303
    assert client.get("/v1/queue").status_code == 401


def test_a_made_up_cookie_opens_nothing(locked_server):
    client = locked_server.client(cookies={"ovi_session": "a" * 43})
    assert client.get("/v1/queue").status_code == 401


def test_many_wrong_guesses_lock_an_address_for_a_while():
    now = [100.0]
    login = Login(SECRET, now=lambda: now[0])
    for _ in range(MAX_GUESSES):
        assert not login.is_secret("guess", "10.0.0.1")
    assert not login.is_secret(SECRET, "10.0.0.1")
    assert login.is_secret(SECRET, "10.0.0.2")
    now[0] += LOCKED_SECONDS + 1
    assert login.is_secret(SECRET, "10.0.0.1")


def test_who_is_locked_out_is_told_to_wait(tmp_path):
    with running_server(tmp_path, secret=SECRET) as server:
        client = server.client()
        guess, right = ({"authorization": f"Bearer {word}"} for word in ("guess", SECRET))
        codes = [client.get("/v1/queue", headers=guess).status_code for _ in range(MAX_GUESSES - 1)]
        assert set(codes) == {401}
        client.get("/v1/queue", headers=guess)
        locked = client.get("/v1/queue", headers=right)
        assert (locked.status_code, locked.headers["retry-after"]) == (429, "60")
        page = client.post("/login", data={"password": SECRET})
        assert page.status_code == 429
        assert "wait a minute" in page.text


def test_a_session_ends_by_itself():
    now = [0.0]
    login = Login(SECRET, now=lambda: now[0])
    name = login.open_session()
    assert login.knows_session(name)
    now[0] = 8 * 24 * 3600.0
    assert not login.knows_session(name)


@pytest.mark.parametrize(
    ("host", "is_shared", "expected"),
    [
        ("127.0.0.1", False, False),
        ("localhost", False, False),
        ("::1", False, False),
        ("0.0.0.0", False, True),
        ("::", False, True),
        ("192.168.0.2", False, True),
        ("box.example", False, True),
        ("127.0.0.1", True, True),
    ],
)
def test_whoever_can_be_reached_by_others_needs_a_secret(host, is_shared, expected):
    assert needs_secret(ServingOptions(host=host, is_shared=is_shared)) is expected


def test_a_short_secret_is_refused():
    from ovi_studio.errors import UsageError

    with pytest.raises(UsageError, match="8"):
        check_secret("short")
    with pytest.raises(UsageError, match="letters without accents"):
        check_secret("pässwörter")


def test_a_body_that_is_too_large_is_refused_before_it_is_read(tmp_path):
    with running_server(tmp_path, limits=small_limits(body_bytes=10_000)) as server:
        client = server.client()
        large = b"x" * 20_000
        refused = client.post("/v1/videos", content=large)
        assert refused.status_code == 413
        assert refused.json()["error"]["code"] == "too_large"

        def in_pieces():
            for _ in range(40):
                yield large

        kind = {"content-type": "application/json"}
        with suppress(httpx.TransportError):  # the server may hang up
            endless = client.post("/v1/videos", content=in_pieces(), headers=kind)
            assert endless.status_code in (400, 413)
        assert client.get("/v1/videos").json()["data"] == []


@pytest.mark.parametrize(
    ("content", "status", "says"),
    [
        (b"", 400, "not a picture"),
        (b"hello", 400, "not a picture"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", 400, "not a picture"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 64 64\n", 400, "not a picture"),
        (picture_bytes()[:60], 400, "damaged"),
        (picture_bytes((16, 16)), 400, "at least"),
        (picture_bytes((3000, 3000)), 400, "pixels"),
        (picture_bytes((900, 900), "BMP"), 413, "too large"),
    ],
    ids=["empty", "text", "svg", "eps", "cut", "tiny", "bomb", "bytes"],
)
def test_an_upload_that_is_no_fit_picture_is_refused(tmp_path, content, status, says):
    limits = small_limits(picture_pixels=4_000_000, picture_bytes=1_000_000)
    with running_server(tmp_path, limits=limits) as server:
        answer = server.client().post(
            "/v1/videos", data=ORDER, files={"input_reference": ("../../evil.png", content)}
        )
        assert answer.status_code == status, answer.text
        assert says in answer.json()["error"]["message"]
        assert str(tmp_path) not in answer.text
        assert not list(tmp_path.rglob("*.png"))


def test_an_upload_is_written_anew_without_what_else_was_in_it(tmp_path):
    from PIL import Image

    exif = Image.Exif()
    exif[0x0112], exif[0x010E] = 6, "taken at home"
    content = picture_bytes((96, 64), "JPEG", exif=exif) + b"<script>tail</script>"
    with running_server(tmp_path) as server:
        files = {"input_reference": ("/etc/passwd\x00.png", content)}
        video = server.client().post("/v1/videos", data=ORDER, files=files)
        assert video.status_code == 200, video.text
    (kept,) = (tmp_path / "uploads").iterdir()
    written = kept.read_bytes()
    assert b"taken at home" not in written
    assert b"script" not in written
    with Image.open(kept) as image:
        assert (image.format, image.size) == ("PNG", (64, 96))  # upright
        assert not image.info


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"null",
        b"[" * 100_000,
        b'{"prompt":' * 5_000,
        b'{"prompt": "a", "steps": ' + b"9" * 5_000 + b"}",
        b'{"prompt": "a", "shift": NaN}',
        b'{"prompt": "a", "shift": 1e999}',
        b'{"prompt": "half a pair \\ud800"}',
        b'{"prompt": "null \\u0000 character"}',
        b'{"prompt": "\xff\xfe"}',
    ],
    ids=["empty", "cut", "null", "deep", "deeper", "digits", "nan", "inf", "surrogate", "nul",
         "no-utf-8"],
)  # fmt: skip
@pytest.mark.parametrize("address", ["/v1/videos", "/v1/plan"])
def test_a_malformed_body_is_refused_and_nothing_breaks(open_server, address, body):
    headers = {"content-type": "application/json"}
    answer = open_server.client().post(address, content=body, headers=headers)
    assert answer.status_code == 400
    assert answer.json()["error"]["type"] == "invalid_request_error"


def test_a_form_may_carry_one_file_and_each_field_once(open_server):
    client = open_server.client()
    two = [("input_reference", ("a.png", picture_bytes())), ("input_reference", ("b.png", b"x"))]
    assert client.post("/v1/videos", data=ORDER, files=two).status_code == 400
    other = {"prompt": ("a.txt", b"a cat")}
    assert client.post("/v1/videos", data={"model": "nano"}, files=other).status_code == 400
    broken = client.post(
        "/v1/videos", content=b"--x\r\nnonsense", headers={"content-type": "multipart/form-data"}
    )
    assert broken.status_code == 400
    assert client.post("/v1/videos", content=b"prompt=a", headers={
        "content-type": "application/x-www-form-urlencoded"}).status_code == 415  # fmt: skip


@pytest.mark.parametrize(
    "address",
    [
        "/v1/clips/..%2f..%2fovi.toml/content",
        "/v1/clips/%2e%2e/content",
        "/v1/clips/%2fetc%2fpasswd/content",
        "/v1/clips/secret.mp4%00.mp4/content",
        "/v1/videos/..%2f..%2fetc%2fpasswd/content",
        "/v1/videos/video_1%2f..%2f..%2f/content",
        "/v1/videos/video_-1/content",
        "/v1/videos/video_1e3/content",
        "/v1/videos/video_999999999999999999999/content",
        "/v1/videos/1 OR 1=1/content",
        "/v1/../../../etc/passwd",
        "/..%2f..%2fetc/passwd",
    ],
)
def test_no_address_leads_to_a_file_by_its_path(open_server, address):
    answer = open_server.client().get(address)
    assert answer.status_code == 404
    assert "root:" not in answer.text


def test_a_clip_outside_the_project_is_not_served(tmp_path):
    project, elsewhere = tmp_path / "project", tmp_path / "elsewhere"
    project.mkdir()
    elsewhere.mkdir()
    with running_server(project, keep_queue=keep_with_fake_worker) as server:
        client = server.client()
        from ovi_studio.actions.rendering import enqueue_tasks

        (job,) = enqueue_tasks(
            [make_task(elsewhere)], server.context.layout, keep_queue=keep_with_fake_worker
        )
        assert wait_until_ended(client, f"video_{job.id}")["status"] == "completed"
        refused = client.get(f"/v1/videos/video_{job.id}/content")
        assert (refused.status_code, refused.json()["error"]["code"]) == (404, "not_found")
        assert "outside this project" in refused.json()["error"]["message"]

        video = client.post("/v1/videos", json=ORDER).json()
        wait_until_ended(client, video["id"])
        clip = project / "renders" / video["file"]
        assert client.get(f"/v1/videos/{video['id']}/content").status_code == 200
        clip.unlink()
        clip.symlink_to(job.task.output)
        for address in (f"/v1/videos/{video['id']}", f"/v1/clips/{video['file']}"):
            for part in ("video", "recipe", "thumbnail"):
                answer = client.get(f"{address}/content", params={"variant": part})
                assert answer.status_code == 404, answer.text
