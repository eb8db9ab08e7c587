"""What a browser can reach of Gradio, with a small page in place of the real one."""

import json
import sys
import types

import pytest

from ovi_studio.errors import StudioError
from ovi_studio.web.page_gate import SETTINGS
from ovi_studio.web.serving import share_address
from ovi_studio.web.tools import add_tools
from tests.studio.web.serving import picture_bytes, running_server, small_limits

SECRET_TEXT = "nobody may read this"


def small_page(_context):
    """A page with what could be abused: a component that takes files."""
    import gradio

    with gradio.Blocks() as page:
        picture = gradio.Image(type="filepath")
        shown = gradio.Textbox()
        gradio.Button().click(lambda path: f"took {path}", picture, shown, api_name="take")
    return page


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    folder = tmp_path_factory.mktemp("page")
    (folder / "secret.png").write_bytes(picture_bytes())
    (folder / "secret.txt").write_text(SECRET_TEXT)
    with pytest.MonkeyPatch.context() as patch:
        for name in (*SETTINGS, "GRADIO_TEMP_DIR", "GRADIO_EXAMPLES_CACHE"):
            patch.setenv(name, "")  # so that all are put back
        page = types.ModuleType("ovi_studio.web.page")
        page.build_page, page.page_look = small_page, dict
        patch.setitem(sys.modules, "ovi_studio.web.page", page)
        from gradio import processing_utils

        for name in ("_check_allowed", "async_ssrf_protected_get",
                     "async_ssrf_protected_download"):  # fmt: skip
            patch.setattr(processing_utils, name, getattr(processing_utils, name))
        limits = small_limits(picture_bytes=100_000, page_folder_bytes=300_000)
        with running_server(folder, has_page=True, limits=limits) as running:
            yield running


def take(client, path):
    """What becomes of a call that names a file."""
    data = [{"path": path, "url": path, "meta": {"_type": "gradio.FileData"}}]
    called = client.post("/gradio_api/call/take", json={"data": data})
    answer = client.get(f"/gradio_api/call/take/{called.json()['event_id']}")
    name, _, rest = answer.text.partition("\n")
    return name, rest


@pytest.mark.parametrize("body", [{"fn_index": 9999, "data": [], "session_hash": "a"}, [], None])
def test_calls_that_cannot_be_read_leave_the_connection_and_the_log_alone(server, caplog, body):
    client = server.client()
    assert client.post("/gradio_api/queue/join", json=body).status_code in (404, 422, 500)
    assert client.get("/config").status_code == 200
    assert not [record for record in caplog.records if record.exc_info]


def test_nobody_tells_the_page_another_address_of_its_own(server):
    lies = {"x-forwarded-host": "evil.example", "x-gradio-server": "http://evil.example"}
    for address in ("/", "/config"):
        assert "evil.example" not in server.client().get(address, headers=lies).text


def test_the_page_opens_and_names_no_other_host_to_load_from(server):
    answer = server.client().get("/")
    assert answer.status_code == 200
    for opening in ('<script src="http', '<link rel="stylesheet" href="http', "@import url(http"):
        outside = answer.text.replace(server.address, "")
        assert opening not in outside
    assert "default-src 'self'" in answer.headers["content-security-policy"]
    assert answer.headers["x-frame-options"] == "DENY"
    assert server.client().get("/v1/queue").status_code == 200


def test_an_upload_is_taken_and_shown_again_as_data_only(server):
    client = server.client()
    (path,) = client.post("/gradio_api/upload", files={"files": ("a.png", picture_bytes())}).json()
    assert take(client, path)[0] == "event: complete"
    shown = client.get(f"/gradio_api/file={path}")
    assert shown.status_code == 200
    assert "sandbox" in shown.headers["content-security-policy"]


def test_no_file_that_was_not_uploaded_is_taken(server):
    folder, client = server.context.layout.root, server.client()
    link = server.context.layout.state.page_folder / "link.png"
    link.symlink_to(folder / "secret.png")
    for path in (
        folder / "secret.png",
        folder / "secret.txt",
        "/etc/passwd",
        f"{folder}/.ovi/page/../../secret.png",
        link,
        "http://127.0.0.1:9/a.png",
        "https://example.com/a.png",
        "/gradio_api/file=/etc/passwd",
    ):
        name, rest = take(client, str(path))
        assert name == "event: error", (path, rest)
        assert "took" not in rest
    link.unlink()
    copies = [path for path in folder.glob(".ovi/page/**/*") if path.name.startswith("secret")]
    assert not copies


@pytest.mark.parametrize(
    "address",
    [
        "/gradio_api/file={folder}/secret.txt",
        "/gradio_api/file=secret.txt",
        "/gradio_api/file={folder}/.ovi/page/../../secret.txt",
        "/gradio_api/file={folder}/.ovi/page/%2e%2e/%2e%2e/secret.txt",
        "/gradio_api/file={folder}/.ovi/page/link.txt",
        "/gradio_api/file=/etc/passwd",
        "/gradio_api/file=%2Fetc%2Fpasswd",
        "/gradio_api/file=file:///etc/passwd",
        "/gradio_api/file=http://127.0.0.1:9/x",
        "/gradio_api/file/etc/passwd",
        "/gradio_api/proxy=http://127.0.0.1:9/x",
        "/gradio_api/runs",
        "/gradio_api/openapi.json",
        "/gradio_api/mcp/",
        "/gradio_api/vibe-code",
        "/gradio_api/custom_component/1/client/component/index.js",
        "/gradio_api/stream/a/1/1/playlist-file",
        "/static/../../../../../../etc/passwd",
        "/static/%2e%2e/%2e%2e/%2e%2e/%2e%2e/%2e%2e/etc/passwd",
        "/assets/..%2f..%2f..%2f..%2f..%2fetc%2fpasswd",
        "/svelte/..%2f..%2fetc%2fpasswd",
        "/monitoring",
        "/docs",
        "/openapi.json",
        "/secret.txt",
        "/renders/a.mp4",
    ],
)
def test_nothing_else_of_gradio_or_of_the_disk_is_there(server, address):
    folder = server.context.layout.root
    link = server.context.layout.state.page_folder / "link.txt"
    if not link.is_symlink():
        link.symlink_to(folder / "secret.txt")
    answer = server.client().get(address.format(folder=folder))
    assert answer.status_code == 404
    assert SECRET_TEXT not in answer.text
    assert "root:" not in answer.text


def test_a_component_cannot_be_called_past_the_page(server):
    body = {"data": {}, "fn_name": "_", "component_id": 1, "session_hash": "a"}
    assert server.client().post("/gradio_api/component_server", json=body).status_code == 404
    vibe = server.client().post("/gradio_api/vibe-edit/", json={"prompt": "x"})
    assert vibe.status_code == 404


def test_other_sites_reach_nothing_but_the_front_door(server):
    client = server.client()
    link = {"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate",
            "sec-fetch-dest": "document"}  # fmt: skip
    assert client.get("/", headers=link).status_code == 200
    assert client.get("/config", headers=link).status_code == 403
    assert client.get("/", headers=link | {"sec-fetch-dest": "iframe"}).status_code == 403
    files = {"files": ("a.png", picture_bytes())}
    foreign = {"origin": "http://evil.example"}
    assert client.post("/gradio_api/upload", files=files, headers=foreign).status_code == 403
    assert client.get("/", headers={"host": "evil.example"}).status_code == 421


def test_uploads_are_bounded_one_by_one_and_together(server):
    client = server.client()
    large = {"files": ("a.png", b"x" * 200_000)}
    assert client.post("/gradio_api/upload", files=large).status_code == 413
    statuses = []
    for number in range(6):
        fits = {"files": ("a.png", bytes([number]) * 90_000)}
        statuses.append(client.post("/gradio_api/upload", files=fits).status_code)
    assert statuses[0] == 200
    assert statuses[-1] == 413


def test_assistants_get_the_tools_and_nothing_of_the_page(server):
    page = small_page(server.context)
    assert "/take" in page.get_api_info()["named_endpoints"]
    add_tools(page, server.context)
    offered = page.get_api_info()["named_endpoints"]
    assert set(offered) == {
        "/check_prompt", "/plan", "/order_clip", "/look_at", "/list_clips", "/cancel_clip"
    }  # fmt: skip
    assert "image" not in json.dumps(offered).lower()


def test_a_tunnel_that_cannot_be_made_names_the_other_way(monkeypatch):
    from gradio import networking

    def refuse(*_):
        raise RuntimeError("Could not get share link.")

    monkeypatch.setattr(networking, "setup_tunnel", refuse)
    with pytest.raises(StudioError, match="ssh -L 7860:localhost:7860"):
        share_address(7860)


def test_nothing_is_reported_to_anybody(server):
    import gradio

    assert gradio.analytics.analytics_enabled() is False
    assert json.loads(server.client().get("/config").text)["dev_mode"] is False
