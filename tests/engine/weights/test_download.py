"""Weight files arrive whole and right from a server that drops, truncates and corrupts, or not
at all; tokens go to the hub alone; and a check finds what was damaged since."""

import errno
import hashlib
import json
import threading
import time
from email.utils import formatdate
from pathlib import Path

import pytest

from ovi.errors import WeightsError
from ovi.spec.request import Precision
from ovi.spec.variants import VARIANTS, variant_named
from ovi.weights import download, hashes, wanted
from ovi.weights.download import Patience, ask_hub, bring_files
from ovi.weights.hashes import hash_files
from ovi.weights.hub import Hub, Interruption, hub_of, look_up
from ovi.weights.licences import licence_of, licences_of
from ovi.weights.manifest import FP8_SOURCE, components_of
from ovi.weights.store import locate_files
from ovi.weights.verify import RECORD_FILE, RecordedFile, fault_of, form_fault, read_record
from ovi.weights.wanted import (
    WantedFile,
    check_space,
    plan_copy,
    plan_download,
    wanted_files,
)
from tests.engine.weights.hub_server import COMMIT, HubServer
from tests.engine.weights.weight_bytes import safetensors_bytes, torch_bytes

SOURCE = "publisher/Model"
MODEL = WantedFile("fusion", "Ovi/model.safetensors", SOURCE)
QUICK = Patience(max_attempts=4, first_wait_seconds=0.001)


@pytest.fixture
def server():
    hub = HubServer()
    yield hub
    hub.close()


def fetch(server, folder, *files, token=None, patience=QUICK, replaces=False, **options):
    hub = Hub(server.endpoint, token)
    plan = plan_download(files or (MODEL,), folder, ask_hub(hub, patience), replaces=replaces)
    return bring_files(plan, folder, hub, patience=patience, **options)


def ignore(_):
    """Counts nothing."""


def parts(folder):
    return sorted(folder.rglob("*.part"))


def publish(server, **behaviour):
    return server.publish(SOURCE, "model.safetensors", safetensors_bytes(), **behaviour)


def test_file_arrives_under_its_name_and_is_recorded(server, tmp_path):
    file = publish(server)
    assert fetch(server, tmp_path) == (MODEL.path,)
    assert (tmp_path / MODEL.path).read_bytes() == file.content
    entry = read_record(tmp_path)[MODEL.path]
    assert entry.sha256 == hashlib.sha256(file.content).hexdigest()
    assert (entry.size_bytes, entry.revision) == (len(file.content), COMMIT)
    assert not parts(tmp_path)
    # All requests after the first are for the commit that the first one named.
    assert COMMIT in server.requests("hub", "GET")[0][2]


def test_file_that_is_there_is_not_asked_for_again(server, tmp_path):
    publish(server)
    fetch(server, tmp_path)
    server.seen.clear()
    assert fetch(server, tmp_path) == ()
    assert server.seen == []
    assert fetch(server, tmp_path, replaces=True) == (MODEL.path,)


def test_file_of_another_size_is_kept_and_named(server, tmp_path):
    publish(server)
    target = tmp_path / MODEL.path
    target.parent.mkdir()
    target.write_bytes(b"my own weights")
    plan = plan_download((MODEL,), tmp_path, ask_hub(Hub(server.endpoint), QUICK))
    assert plan.different == (MODEL.path,)
    assert plan.files == ()
    assert target.read_bytes() == b"my own weights"


def test_dropped_connections_go_on_where_they_broke_off(server, tmp_path):
    file = publish(server, drops=6)  # more than the attempts, but each brings something
    fetch(server, tmp_path)
    assert (tmp_path / MODEL.path).read_bytes() == file.content
    ranges = [headers.get("Range") for *_, headers in server.requests("store", "GET")]
    assert ranges[0] is None
    assert len(ranges) == 7
    starts = [int(text[6:-1]) for text in ranges[1:]]
    assert starts == sorted(set(starts))
    assert starts[0] > 0


def test_next_run_goes_on_with_what_an_earlier_one_left(server, tmp_path):
    file = publish(server, refusals=[])
    half = len(file.content) // 2
    target = tmp_path / MODEL.path
    target.parent.mkdir()
    part = target.with_name(f"{target.name}.{file.etag[:12]}.part")
    part.write_bytes(file.content[:half])
    plan = plan_download((MODEL,), tmp_path, ask_hub(Hub(server.endpoint), QUICK))
    assert plan.files[0].waiting_bytes == half
    assert plan.missing_bytes == len(file.content) - half
    fetch(server, tmp_path)
    assert server.requests("store", "GET")[0][3]["Range"] == f"bytes={half}-"
    assert target.read_bytes() == file.content


def test_left_over_of_other_content_is_not_continued(server, tmp_path):
    file = publish(server)
    target = tmp_path / MODEL.path
    target.parent.mkdir()
    target.with_name(f"{target.name}.{'0' * 12}.part").write_bytes(b"older")
    fetch(server, tmp_path)
    assert target.read_bytes() == file.content
    assert not parts(tmp_path)


def test_damaged_left_over_is_fetched_anew(server, tmp_path):
    file = publish(server)
    target = tmp_path / MODEL.path
    target.parent.mkdir()
    part = target.with_name(f"{target.name}.{file.etag[:12]}.part")
    for damaged in (b"x" * 50, b"x" * len(file.content), b"x" * (len(file.content) + 9)):
        target.unlink(missing_ok=True)
        part.write_bytes(damaged)
        fetch(server, tmp_path, replaces=True)
        assert target.read_bytes() == file.content


@pytest.mark.parametrize(
    "behaviour",
    [
        {"corrupts": 2},
        {"too_much": 2},
        {"drops": 1, "ignores_range": True},
        {"drops": 1, "wrong_range": 1},
        {"drops": 2, "corrupts": 1},
        {"is_large": False, "corrupts": 1},
        {"is_large": False, "drops": 2},
    ],
    ids=str,
)
def test_bad_answers_end_in_the_right_file(server, tmp_path, behaviour):
    file = publish(server, **behaviour)
    fetch(server, tmp_path)
    assert (tmp_path / MODEL.path).read_bytes() == file.content
    assert not parts(tmp_path)


def test_lasting_corruption_leaves_no_file(server, tmp_path):
    publish(server, corrupts=99)
    with pytest.raises(WeightsError, match="another sha256 than the published"):
        fetch(server, tmp_path)
    assert not (tmp_path / MODEL.path).exists()
    assert not parts(tmp_path)
    assert not (tmp_path / RECORD_FILE).exists()


def test_page_instead_of_a_file_is_refused_without_any_hash(server, tmp_path):
    page = server.publish(SOURCE, "model.safetensors", b"<html>log in</html>", is_large=False)
    page.says_hash = False
    with pytest.raises(WeightsError, match="no safetensors file"):
        fetch(server, tmp_path)
    assert not (tmp_path / MODEL.path).exists()


def test_server_that_is_gone_is_given_up_and_what_came_is_kept(server, tmp_path):
    file = publish(server)
    plan = plan_download((MODEL,), tmp_path, ask_hub(Hub(server.endpoint), QUICK))
    file.drops = 1
    seen = []
    file.refusals = [(302, {"Location": f"{server.store}/{SOURCE}/model.safetensors"})]
    file.refusals += [(503, {})] * 9
    with pytest.raises(WeightsError, match=r"answered 503.*goes on from there"):
        bring_files(
            plan,
            tmp_path,
            Hub(server.endpoint),
            patience=QUICK,
            on_progress=lambda *told: seen.append(told),
        )
    (left,) = parts(tmp_path)
    assert file.content.startswith(left.read_bytes())
    assert left.stat().st_size == len(file.content) // 2
    assert seen[-1][1:] == (len(file.content), 0)


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize("method", ["HEAD", "GET"])
def test_retry_after_is_obeyed(server, tmp_path, status, method):
    file = publish(server)
    refusals = [(status, {"Retry-After": "1"})]
    hub = Hub(server.endpoint)
    began = time.monotonic()
    if method == "HEAD":
        file.refusals = refusals
    plan = plan_download((MODEL,), tmp_path, ask_hub(hub, QUICK))
    if method == "GET":
        file.refusals = refusals
    bring_files(plan, tmp_path, hub, patience=QUICK)
    assert time.monotonic() - began >= 1  # at least: never a limit on how long it takes
    assert (tmp_path / MODEL.path).read_bytes() == file.content


def test_long_retry_after_is_reported_not_waited_for(server, tmp_path):
    for text in ("86400", formatdate(time.time() + 86400, usegmt=True)):
        publish(server, refusals=[(429, {"Retry-After": text})])
        with pytest.raises(WeightsError, match=r"429 and asks to wait 8\d{4} s"):
            fetch(server, tmp_path)


@pytest.mark.parametrize(
    ("status", "headers", "token", "said"),
    [
        (
            403,
            {"X-Error-Code": "GatedRepo"},
            None,
            r"accept the terms on .*Model and log in: set HF",
        ),
        (401, {"X-Error-Code": "GatedRepo"}, None, r"accept the terms .*`hf auth login`"),
        (403, {}, "secret", "accept the terms .*with the account whose token"),
        (401, {}, None, r"does not exist or asks for a login .*/settings/tokens"),
        (401, {}, "secret", "token in use is not accepted"),
        (404, {}, None, r"has no file model.safetensors \(404\)"),
        (418, {}, None, "answered 418"),
    ],
)
def test_refusal_says_what_to_do(server, tmp_path, status, headers, token, said):
    publish(server, refusals=[(status, headers)] * 3)
    with pytest.raises(WeightsError, match=said) as caught:
        fetch(server, tmp_path, token=token)
    assert "secret" not in str(caught.value)
    assert len(server.seen) == 1  # a refusal does not pass by asking again


def test_token_goes_to_the_hub_and_not_to_where_it_redirects(server, tmp_path):
    publish(server)
    fetch(server, tmp_path, token="hf_secret")
    assert {h.get("Authorization") for p, _, _, h in server.seen if p == "hub"} == {
        "Bearer hf_secret"
    }
    store = [headers for part, _, _, headers in server.seen if part == "store"]
    assert store
    assert not any("Authorization" in headers for headers in store)
    assert "hf_secret" not in repr(Hub(server.endpoint, "hf_secret"))


def test_redirect_to_another_port_or_scheme_gets_no_token(server):
    port = server.store.rpartition(":")[2]
    publish(
        server,
        refusals=[(307, {"Location": f"http://127.0.0.1:{port}/{SOURCE}/model.safetensors"})],
    )
    look_up(Hub(server.endpoint, "hf_secret"), SOURCE, "model.safetensors")
    assert "Authorization" not in server.requests("store", "HEAD")[0][3]
    publish(server, refusals=[(302, {"Location": "file:///etc/passwd"})])
    with pytest.raises(WeightsError, match="without encryption"):
        look_up(Hub(server.endpoint), SOURCE, "model.safetensors")


def test_redirect_on_the_hub_itself_keeps_the_token_and_ends(server):
    moved = f"/{SOURCE}/resolve/main/model.safetensors"
    publish(server, refusals=[(307, {"Location": moved})])
    found = look_up(Hub(server.endpoint, "hf_secret"), SOURCE, "model.safetensors")
    assert found.sha256 == server.files[f"{SOURCE}/model.safetensors"].etag
    assert all("Authorization" in headers for *_, headers in server.requests("hub", "HEAD"))
    publish(server, refusals=[(307, {"Location": moved})] * 99)
    with pytest.raises(WeightsError, match="too many redirects"):
        look_up(Hub(server.endpoint), SOURCE, "model.safetensors")


def test_closed_port_is_an_interruption():
    with pytest.raises(Interruption, match="cannot be reached"):
        look_up(Hub("http://127.0.0.1:1"), SOURCE, "model.safetensors")


def test_several_files_come_at_once(server, tmp_path):
    files = [WantedFile("fusion", f"Ovi/{name}.safetensors", SOURCE) for name in "abc"]
    for file in files:
        server.publish(SOURCE, file.source_path, safetensors_bytes())
    server.barrier = threading.Barrier(3)  # opens only when three requests are there
    assert len(fetch(server, tmp_path, *files, num_parallel=3)) == 3
    assert server.most_busy == 3


def test_one_failure_does_not_keep_the_others_away(server, tmp_path):
    good = WantedFile("vocoder", "Other/vocoder.pt", SOURCE)
    server.publish(SOURCE, "vocoder.pt", torch_bytes())
    publish(server, corrupts=99)
    with pytest.raises(WeightsError, match=r"Ovi/model\.safetensors"):
        fetch(server, tmp_path, MODEL, good)
    assert (tmp_path / good.path).is_file()
    assert list(read_record(tmp_path)) == [good.path]


def test_stopping_keeps_what_came(server, tmp_path):
    publish(server, refusals=[])
    hub = Hub(server.endpoint)
    plan = plan_download((MODEL,), tmp_path, ask_hub(hub, QUICK))
    server.files[f"{SOURCE}/model.safetensors"].refusals = [(503, {"Retry-After": "100"})]

    def stop(*_):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        bring_files(plan, tmp_path, hub, on_progress=stop)
    assert not (tmp_path / MODEL.path).exists()


def test_full_disk_is_asked_about_first_and_named_when_it_happens(server, tmp_path, monkeypatch):
    publish(server)
    hub = Hub(server.endpoint)
    plan = plan_download((MODEL,), tmp_path, ask_hub(hub, QUICK))
    check_space(plan, tmp_path / "not" / "there")
    monkeypatch.setattr(wanted, "free_bytes", lambda _: plan.missing_bytes - 1)
    with pytest.raises(WeightsError, match=r"GB free.*--ckpt-dir"):
        check_space(plan, tmp_path)

    def fail(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(download._Part, "write", fail)
    with pytest.raises(WeightsError, match="the disk is full"):
        bring_files(plan, tmp_path, hub, patience=QUICK)


@pytest.fixture
def published(tmp_path) -> Path:
    """A folder with all files of the smallest variant."""
    folder = tmp_path / "published"
    for file in wanted_files(components_of(variant_named("720x720_5s"), Precision())):
        path = folder / file.path
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.suffix == ".safetensors":
            path.write_bytes(safetensors_bytes())
        elif path.suffix in (".pth", ".pt"):
            path.write_bytes(torch_bytes())
        elif path.name in ("tokenizer.json", "tokenizer_config.json"):
            path.write_text("{}")
    return folder


def test_local_folder_fills_a_checkpoint_folder(published, tmp_path, monkeypatch):
    variant, ckpt_dir = variant_named("720x720_5s"), tmp_path / "ckpts"
    files = wanted_files(components_of(variant, Precision()))
    brought = bring_files(plan_copy(files, ckpt_dir, published), ckpt_dir, None)
    assert len(brought) == 7  # five models, and the two tokenizer files that are there
    assert locate_files(variant, Precision(), ckpt_dir)
    record = read_record(ckpt_dir)
    assert all(fault_of(ckpt_dir / name, record[name], ignore) is None for name in brought)
    assert plan_copy(files, ckpt_dir, published).files == ()
    monkeypatch.setattr(hashes, "_hash_unknown", lambda paths, _: dict.fromkeys(paths, "read"))
    remembered = hash_files([ckpt_dir / name for name in brought])
    assert remembered == {ckpt_dir / name: record[name].sha256 for name in brought}
    assert plan_copy(files, ckpt_dir, ckpt_dir, replaces=True).files == ()


def test_saved_file_that_does_not_say_what_it_was_made_of_is_at_fault(tmp_path):
    path = tmp_path / "model.ovi-int8.safetensors"
    path.write_bytes(safetensors_bytes())
    assert fault_of(path, None) == "does not say what it was made of"
    assert fault_of(path.rename(tmp_path / "model.safetensors"), None) is None


def test_local_folder_may_be_the_hubs_own_cache(published, tmp_path):
    cache = tmp_path / "cache"
    snapshot = cache / "models--publisher--Model" / "snapshots" / "abc"
    snapshot.mkdir(parents=True)
    (published / MODEL.path).rename(snapshot / "model.safetensors")
    (planned,) = plan_copy((MODEL,), tmp_path / "ckpts", cache).files
    assert planned.origin == snapshot / "model.safetensors"


def test_local_folder_that_lacks_or_damages_a_file_is_named(published, tmp_path):
    (published / MODEL.path).write_bytes(b"no weights")
    with pytest.raises(WeightsError, match=r"published.*model\.safetensors is no safetensors file"):
        bring_files(plan_copy((MODEL,), tmp_path, published), tmp_path, None)
    assert not (tmp_path / MODEL.path).exists()
    (published / MODEL.path).unlink()
    with pytest.raises(WeightsError, match=r"lacks:\n  Ovi/model\.safetensors"):
        plan_copy((MODEL,), tmp_path, published)
    with pytest.raises(WeightsError, match="is no folder"):
        plan_copy((MODEL,), tmp_path, tmp_path / "absent")


def test_every_published_variant_names_its_files_in_their_repositories():
    for variant in VARIANTS.values():
        for file in wanted_files(components_of(variant, Precision())):
            assert file.source_path
            assert not file.source_path.startswith("/")
    files = wanted_files(components_of(variant_named("960x960_10s"), Precision()))
    sources = {file.path: (file.source, file.source_path) for file in files}
    assert sources["MMAudio/ext_weights/v1-16.pth"] == (
        "hkchengrex/MMAudio",
        "ext_weights/v1-16.pth",
    )
    assert sources["Ovi/model_960x960_10s.safetensors"][1] == "model_960x960_10s.safetensors"


def test_tokenizer_needs_one_vocabulary(server, tmp_path):
    folder = "Wan2.2-TI2V-5B/google/umt5-xxl"
    parts = components_of(variant_named("720x720_5s"), Precision())
    files = [file for file in wanted_files(parts) if file.component == "tokenizer"]
    server.publish(files[0].source, "google/umt5-xxl/tokenizer_config.json", b"{}", is_large=False)
    with pytest.raises(WeightsError, match=r"neither .*tokenizer\.json nor .*spiece\.model"):
        fetch(server, tmp_path, *files)
    server.publish(files[0].source, "google/umt5-xxl/spiece.model", b"words")
    assert set(fetch(server, tmp_path, *files)) == {
        f"{folder}/spiece.model",
        f"{folder}/tokenizer_config.json",
    }


def test_hub_follows_the_usual_variables(tmp_path):
    (tmp_path / "token").write_text("hf_filed\n")
    assert hub_of({"HF_HOME": str(tmp_path)}).token == "hf_filed"
    assert hub_of({"HF_HOME": str(tmp_path), "HF_TOKEN": "hf_said"}).token == "hf_said"
    assert hub_of({"HF_TOKEN_PATH": str(tmp_path / "token"), "HF_HOME": "/"}).token == "hf_filed"
    assert hub_of({"XDG_CACHE_HOME": str(tmp_path)}).token is None
    assert hub_of({"HF_HOME": "/nowhere"}) == Hub("https://huggingface.co", None)
    mirror = hub_of({"HF_HOME": "/nowhere", "HF_ENDPOINT": "https://mirror.example/hub/"})
    assert mirror.url_of("a/b", "c d.pt") == "https://mirror.example/hub/a/b/resolve/main/c%20d.pt"
    for wrong in ("mirror.example", "ftp://mirror.example"):
        with pytest.raises(WeightsError, match="HF_ENDPOINT"):
            hub_of({"HF_ENDPOINT": wrong})
    with pytest.raises(WeightsError, match="HF_HUB_OFFLINE"):
        hub_of({"HF_HUB_OFFLINE": "1"})


def test_licences_state_what_is_known_and_point_to_the_page_for_the_rest():
    assert licence_of("chetwinlow1/Ovi").name == "Apache-2.0"
    assert "CC-BY-NC" in licence_of("hkchengrex/MMAudio").name
    assert licence_of("black-forest-labs/FLUX.1-Krea-dev").is_gated
    for source in (FP8_SOURCE, "somebody/else"):
        assert licence_of(source).name == "see the publisher's page"
        assert licence_of(source).page.endswith(source)
    assert len(licences_of(["a/b", "c/d", "a/b"])) == 2


def damaged_forms():
    good, zipped = safetensors_bytes(), torch_bytes()
    length = int.from_bytes(good[:8], "little")
    header = json.loads(good[8 : 8 + length])
    header["tensor"]["shape"] = [999]
    misfit = json.dumps(header).encode().ljust(length)
    return [
        ("a.safetensors", good[:5], "no safetensors file"),
        ("a.safetensors", good[:-1], "its header says"),
        ("a.safetensors", good + b"x", "its header says"),
        ("a.safetensors", good[:8] + b"{" * length + good[8 + length :], "damaged safetensors"),
        ("a.safetensors", good[:8] + misfit + good[8 + length :], "damaged safetensors"),
        ("a.pth", zipped[:-30], "only the beginning of one"),
        ("a.pt", b"<html>", "no file of torch.save"),
        ("a.json", b"{", "not JSON"),
        ("spiece.model", b"", "is empty"),
    ]


@pytest.mark.parametrize(("name", "content", "said"), damaged_forms(), ids=range(9))
def test_damaged_form_is_found(tmp_path, name, content, said):
    path = tmp_path / name
    path.write_bytes(content)
    assert said in form_fault(path, name)


def test_sound_forms_pass(tmp_path):
    for name, content in (
        ("a.safetensors", safetensors_bytes()),
        ("a.pth", torch_bytes()),
        ("old.pt", b"\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19."),
        ("a.json", b"{}"),
    ):
        (tmp_path / name).write_bytes(content)
        assert form_fault(tmp_path / name, name) is None


def test_change_since_the_download_is_found_by_reading_all(tmp_path):
    path = tmp_path / "a.safetensors"
    content = safetensors_bytes()
    path.write_bytes(content)
    entry = RecordedFile(len(content), hashlib.sha256(content).hexdigest(), "a/b", "", "none")
    assert fault_of(path, entry, ignore) is None
    path.write_bytes(content[:-1] + b"\x01")
    assert fault_of(path, entry, None) is None
    assert "has changed since" in fault_of(path, entry, ignore)
    path.write_bytes(content[:-1])
    assert "bytes instead of" in fault_of(path, entry, None)


def test_record_that_cannot_be_read_is_named(tmp_path):
    (tmp_path / RECORD_FILE).write_text("{")
    with pytest.raises(WeightsError, match="Delete it"):
        read_record(tmp_path)
    (tmp_path / RECORD_FILE).write_text('{"version": 2, "files": {}}')
    with pytest.raises(WeightsError, match="newer ovi-studio"):
        read_record(tmp_path)
