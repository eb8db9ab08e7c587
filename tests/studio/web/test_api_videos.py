"""The HTTP API's videos, asked over a real connection, with a worker that only pretends."""

import base64
import json
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from ovi_studio.actions.ordering import enqueue_plan, plan_prompts, prompt_as_text
from ovi_studio.actions.queue_control import QueueControl
from ovi_studio.render.choices import Choices
from tests.studio.web.serving import (
    ROOT,
    events_in,
    keep_nobody,
    keep_with_fake_worker,
    picture_bytes,
    running_server,
    small_limits,
    wait_until_ended,
)

ORDER = {"prompt": "a man says <S>Hello<E>", "model": "nano", "steps": 4, "size": "128x96"}


@pytest.fixture(autouse=True)
def _package_is_found(monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(ROOT))


@pytest.fixture
def server(tmp_path):
    with running_server(tmp_path) as running:
        yield running


@pytest.fixture
def client(server):
    return server.client()


@pytest.fixture(scope="module")
def idle_server(tmp_path_factory):
    """One for all tests that leave nothing behind."""
    with running_server(tmp_path_factory.mktemp("idle")) as running:
        yield running


def error_of(response, status):
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/json"
    error = response.json()["error"]
    assert set(error) == {"message", "type", "param", "code"}
    return error


def jobs_of(server):
    return QueueControl(server.context.layout, on_rescue=print).view().jobs


def test_an_order_is_rendered_watched_and_fetched_in_parts(tmp_path):
    with running_server(tmp_path, keep_queue=keep_with_fake_worker) as server:
        client = server.client()
        video = client.post("/v1/videos", json=ORDER | {"prompt": "a slow cat", "seed": 7}).json()
        assert (video["object"], video["model"], video["size"]) == ("video", "nano", "160x96")
        assert (video["height"], video["width"], video["seed"]) == (96, 160, 7)
        assert video["status"] == "queued"
        address = f"/v1/videos/{video['id']}"
        assert error_of(client.get(f"{address}/content"), 409)["code"] == "not_ready"
        with client.stream("GET", f"{address}/events") as stream:
            assert stream.headers["content-type"].startswith("text/event-stream")
            events = list(events_in(stream.iter_lines()))
        names = [name for name, _ in events]
        assert names[-1] == "completed"
        assert set(names[:-1]) == {"progress"}
        progress = [data["progress"] for _, data in events]
        assert progress == sorted(progress)
        assert progress[-1] == 100
        assert any(0 < share < 100 for share in progress)
        whole = client.get(f"{address}/content")
        assert whole.headers["content-type"] == "video/mp4"
        assert whole.content[4:8] == b"ftyp"
        part = client.get(f"{address}/content", headers={"range": "bytes=4-7"})
        assert (part.status_code, part.content) == (206, b"ftyp")
        assert part.headers["content-range"] == f"bytes 4-7/{len(whole.content)}"
        tail = client.get(f"{address}/content", headers={"range": "bytes=-10"})
        assert tail.content == whole.content[-10:]
        beyond = client.get(f"{address}/content", headers={"range": "bytes=99999999-"})
        assert beyond.status_code == 416
        assert beyond.json()["error"]["code"] == "range_not_satisfiable"
        assert beyond.headers["content-range"] == f"bytes */{len(whole.content)}"
        for odd in ("bytes=abc", "bytes=5-2", "items=0-4"):
            refused = client.get(f"{address}/content", headers={"range": odd})
            assert (refused.status_code, refused.json()["error"]["code"]) == (
                400,
                "invalid_request",
            )
        saved = client.get(f"{address}/content?download=1").headers["content-disposition"]
        assert saved.startswith("attachment")
        recipe = client.get(f"{address}/content?variant=recipe").json()
        assert recipe["request"]["sampling"]["seed"] == 7
        strip = client.get(f"{address}/content?variant=thumbnail")
        assert strip.headers["content-type"] == "image/jpeg"
        by_name = client.get(f"/v1/clips/{video['file']}/content")
        assert by_name.content == whole.content
        assert client.get(f"/v1/clips/{recipe['identity']}/content").content == whole.content
        again = client.post("/v1/videos", json=ORDER | {"prompt": "a slow cat", "seed": 7}).json()
        assert (again["id"], again["status"]) == (video["id"], "completed")


def test_a_failed_clip_says_why_and_can_be_tried_again_and_deleted(tmp_path):
    with running_server(tmp_path, keep_queue=keep_with_fake_worker) as server:
        client = server.client()
        video = client.post("/v1/videos", json=ORDER | {"prompt": "will fail"}).json()
        ended = wait_until_ended(client, video["id"])
        assert ended["status"] == "failed"
        assert ended["error"]["code"] == "render_failed"
        assert "not finite" in ended["error"]["message"]
        assert client.post(f"/v1/videos/{video['id']}/retry").json()["status"] != "failed"
        wait_until_ended(client, video["id"])
        deleted = client.delete(f"/v1/videos/{video['id']}").json()
        assert deleted == {"id": video["id"], "object": "video.deleted", "deleted": True}
        assert error_of(client.get(f"/v1/videos/{video['id']}"), 404)["code"] == "not_found"


def test_deleting_a_finished_clip_moves_its_file_to_the_trash(tmp_path):
    with running_server(tmp_path, keep_queue=keep_with_fake_worker) as server:
        client = server.client()
        video = client.post("/v1/videos", json=ORDER).json()
        wait_until_ended(client, video["id"])
        clip = tmp_path / "renders" / video["file"]
        assert clip.is_file()
        assert client.delete(f"/v1/videos/{video['id']}").status_code == 200
        assert not clip.exists()
        trashed = list(server.context.layout.state.trash_folder.rglob("*.mp4"))
        assert [path.name for path in trashed] == [video["file"]]


def test_a_running_clip_is_cancelled_and_a_waiting_one_at_once(tmp_path):
    with running_server(tmp_path, keep_queue=keep_with_fake_worker) as server:
        client = server.client()
        first = client.post("/v1/videos", json=ORDER | {"prompt": "slow", "seed": 1}).json()
        second = client.post("/v1/videos", json=ORDER | {"prompt": "slow", "seed": 2}).json()
        cancelled = client.post(f"/v1/videos/{second['id']}/cancel").json()
        assert cancelled["status"] == "cancelled"
        assert error_of(client.post(f"/v1/videos/{second['id']}/cancel"), 409)
        with client.stream("GET", f"/v1/videos/{first['id']}/events") as stream:
            for name, data in events_in(stream.iter_lines()):
                if data["stage"] == "denoise" and not data["is_cancelling"]:
                    server.client().post(f"/v1/videos/{first['id']}/cancel")
                last = name
        assert last == "cancelled"


def test_what_the_api_orders_and_what_others_order_is_one_queue(server, client, tmp_path):
    from tests.studio.cli.command import ovi

    mine = client.post("/v1/videos", json=ORDER).json()
    listed = ovi("queue", "list", "--json", folder=tmp_path)
    assert [f"video_{job['id']}" for job in json.loads(listed.stdout)["jobs"]] == [mine["id"]]
    plan = plan_prompts(prompt_as_text("a dog"), Choices(seed=5), server.context.layout)
    (theirs,) = enqueue_plan(plan, server.context.layout, max_unfinished=10, keep_queue=keep_nobody)
    shown = client.get(f"/v1/videos/video_{theirs.id}").json()
    assert (shown["prompt"], shown["seed"], shown["place"]) == ("a dog", 5, 2)


def test_the_list_is_paged_as_openai_does(client):
    ids = [client.post("/v1/videos", json=ORDER | {"seed": seed}).json()["id"] for seed in range(5)]
    page = client.get("/v1/videos", params={"limit": 2}).json()
    assert [video["id"] for video in page["data"]] == [ids[4], ids[3]]
    assert (page["first_id"], page["last_id"], page["has_more"]) == (ids[4], ids[3], True)
    rest = client.get("/v1/videos", params={"limit": 10, "after": page["last_id"]}).json()
    assert [video["id"] for video in rest["data"]] == [ids[2], ids[1], ids[0]]
    assert rest["has_more"] is False
    oldest = client.get("/v1/videos", params={"limit": 1, "order": "asc"}).json()
    assert oldest["last_id"] == ids[0]
    assert error_of(client.get("/v1/videos", params={"after": "video_99"}), 404)


@pytest.mark.filterwarnings("ignore:The Sora API")
def test_openais_own_client_can_order_list_and_delete(server):
    openai = pytest.importorskip("openai", reason="the extra llm is not installed")
    api = openai.OpenAI(base_url=f"{server.address}/v1", api_key="none", max_retries=0)
    video = api.videos.create(
        prompt="A dog barks. Audio: barking.", model="nano", seconds="2", size="128x128",
        input_reference=("frame.png", picture_bytes(), "image/png"), extra_body={"seed": 4},
    )  # fmt: skip
    assert (video.status, video.progress, video.seconds) == ("queued", 0, "1.875")
    assert [each.id for each in api.videos.list(limit=5)] == [video.id]
    assert api.videos.retrieve(video.id).prompt.startswith("A dog barks.")
    with pytest.raises(openai.ConflictError, match="Cancel it first"):
        api.videos.delete(video.id)
    (job,) = jobs_of(server)
    assert job.task.request.mode == "i2v"
    assert job.task.request.sampling.seed == 4


@pytest.mark.parametrize(
    ("change", "param", "says"),
    [
        ({"prompt": " \n"}, "prompt", "empty"),
        ({"prompt": "a" * 10_001}, "prompt", "10000"),
        ({"model": "sora-2"}, "model", "nano"),
        ({"seconds": "9"}, "seconds", "each model makes one length"),
        ({"size": "big"}, "size", "width x height"),
        ({"size": "64x64", "height": 64, "width": 64}, "size", "not both"),
        ({"size": None, "height": 64}, "height", "both"),
        ({"seed": -1}, "seed", "greater"),
        ({"seed": "1"}, "seed", "integer"),
        ({"steps": 201}, "steps", "200"),
        ({"mode": "i2v"}, None, "first frame"),
        ({"profile": "nine"}, None, "profile"),
        ({"sead": 1}, "sead", "no such field"),
        ({"input_reference": {"image_url": "https://example.com/a.png"}}, None, "is fetched"),
        ({"input_reference": {"image_url": "data:image/png;base64,aGVsbG8="}},
         "input_reference", "not a picture"),
    ],
)  # fmt: skip
def test_what_cannot_be_rendered_is_refused_with_the_remedy(idle_server, change, param, says):
    client = idle_server.client()
    error = error_of(client.post("/v1/videos", json=ORDER | change), 400)
    assert says in error["message"]
    if param is not None:
        assert error["param"] == param
    assert not jobs_of(idle_server)


def test_a_prompt_that_looks_like_a_file_is_a_prompt(client, tmp_path):
    (tmp_path / "set.csv").write_text("text_prompt\nfrom the file\n")
    for text in ("set.csv", "/etc/passwd", "../set.csv"):
        assert client.post("/v1/videos", json=ORDER | {"prompt": text}).json()["prompt"] == text


def test_seconds_alone_choose_the_model(idle_server):
    client = idle_server.client()
    answer = client.post("/v1/plan", json={"seconds": "10"}).json()
    assert answer["forecast"]["sizes"] == [{"height": 960, "width": 960}]


def test_twenty_clients_at_once_each_get_their_clip(tmp_path):
    with running_server(tmp_path) as server:
        start = threading.Barrier(20)

        def order(number):
            client = server.client()
            start.wait()
            video = client.post("/v1/videos", json=ORDER | {"seed": number}).json()
            for _ in range(3):
                assert client.get(f"/v1/videos/{video['id']}").json()["seed"] == number
                assert client.get("/v1/videos").status_code == 200
                checked = client.post("/v1/prompts/check", json={"prompt": f"<S>{number}"})
                assert checked.status_code == 200
            return video["id"]

        with ThreadPoolExecutor(20) as pool:
            ids = list(pool.map(order, range(20)))
        assert len(set(ids)) == 20
        assert sorted(job.task.request.sampling.seed for job in jobs_of(server)) == list(range(20))


def test_a_full_queue_takes_no_more(tmp_path):
    with running_server(tmp_path, limits=small_limits(waiting_jobs=2)) as server:
        client = server.client()
        for seed in (1, 2):
            assert client.post("/v1/videos", json=ORDER | {"seed": seed}).status_code == 200
        refused = client.post("/v1/videos", json=ORDER | {"seed": 3})
        assert error_of(refused, 429)["code"] == "queue_full"
        assert refused.headers["retry-after"]


def test_a_listener_that_goes_away_is_forgotten(server, client):
    video = client.post("/v1/videos", json=ORDER).json()
    with server.client() as gone, gone.stream("GET", f"/v1/videos/{video['id']}/events") as stream:
        events = events_in(stream.iter_lines())
        assert next(events)[0] == "progress"
        assert server.streams.num_open == 1
    while server.streams.num_open:
        threading.Event().wait(0.02)
    assert client.get("/v1/queue").json()["waiting"] == 1


def test_too_many_listeners_are_told_to_ask_instead(tmp_path):
    with running_server(tmp_path, limits=small_limits(event_streams=1)) as server:
        client = server.client()
        address = f"/v1/videos/{client.post('/v1/videos', json=ORDER).json()['id']}/events"
        with client.stream("GET", address) as stream:
            events = events_in(stream.iter_lines())
            assert next(events)[0] == "progress"
            assert error_of(server.client().get(address), 429)["code"] == "too_many_watch"


def test_listeners_of_a_clip_that_is_deleted_are_told(server, client):
    video = client.post("/v1/videos", json=ORDER).json()
    address = f"/v1/videos/{video['id']}"
    with server.client().stream("GET", f"{address}/events") as stream:
        events = events_in(stream.iter_lines())
        assert next(events)[0] == "progress"
        client.post(f"{address}/cancel")
        client.delete(address)
        assert [name for name, _ in events][-1] in ("cancelled", "deleted")


def test_a_data_url_is_a_first_frame(client):
    url = "data:image/png;base64," + base64.b64encode(picture_bytes()).decode()
    order = ORDER | {"input_reference": {"image_url": url}}
    assert client.post("/v1/videos", json=order).json()["mode"] == "i2v"


def test_the_queue_is_paused_and_resumed(client):
    assert client.post("/v1/queue/pause").json()["paused_since"] is not None
    assert client.post("/v1/queue/resume").json()["paused_since"] is None


def test_a_prompt_is_checked_with_fixes(idle_server):
    client = idle_server.client()
    answer = client.post("/v1/prompts/check", json={"prompt": "<S>Hello <e> Audio: x"}).json()
    assert answer["is_clean"] is False
    assert answer["findings"]
    assert all(finding["code"] for finding in answer["findings"])
    assert answer["fixed_prompt"] != "<S>Hello <e> Audio: x"


def test_models_and_profiles_are_listed(idle_server):
    client = idle_server.client()
    models = client.get("/v1/models").json()["data"]
    assert models[0]["id"] == "nano"
    assert client.get("/v1/models/nano").json() == models[0]
    assert error_of(client.get("/v1/models/sora-2"), 404)
    assert "auto" in [each["id"] for each in client.get("/v1/profiles").json()["data"]]
