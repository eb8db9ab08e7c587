"""Every rule's help is complete, and its examples do what they say."""

import pytest

from ovi.spec.variants import VARIANTS
from ovi_studio.lint.files import RowLinter, lint_file
from ovi_studio.lint.fixer import Fixer
from ovi_studio.lint.registry import RULES
from ovi_studio.lint.rule_help import HEADINGS, help_of
from ovi_studio.lint.subject import Target
from ovi_studio.project.prompt_file import iter_rows
from ovi_studio.prompt.prompt_set import TEXT_COLUMN

Image = pytest.importorskip("PIL.Image", reason="the image rules need Pillow")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A project folder with the pictures that the examples name."""
    root = tmp_path_factory.mktemp("gallery")
    project = root / "project"
    project.mkdir()
    Image.new("RGB", (512, 512)).save(project / "good.png")
    Image.new("RGB", (512, 512)).save(root / "outside.png")
    Image.new("RGB", (512, 512)).save(project / "turned.jpg", exif=exif_turned())
    Image.new("RGBA", (512, 512), (9, 9, 9, 9)).save(project / "transparent.png")
    frames = [Image.new("RGB", (512, 512), colour) for colour in ("red", "blue")]
    frames[0].save(project / "animated.gif", save_all=True, append_images=frames[1:])
    Image.new("RGB", (100, 100)).save(project / "small.png")
    Image.new("RGB", (1600, 500)).save(project / "panorama.png")
    (project / "damaged.png").write_bytes(b"\x89PNG\r\n\x1a\nno picture")
    return project


def exif_turned():
    exif = Image.Exif()
    exif[0x0112] = 6
    return exif


def write_example(section, folder):
    """The example as a file, and the variant it is for."""
    variant = next((VARIANTS[o] for o in section.options if o in VARIANTS), VARIANTS["nano"])
    body = section.body
    if "csv" not in section.options:
        prompt = " ".join(body.split("\n"))
        if "escapes" in section.options:
            prompt = prompt.encode().decode("unicode_escape")
        body = f'{TEXT_COLUMN}\n"' + prompt.replace('"', '""') + '"\n'
        data = body.encode()
    elif "escapes" in section.options:
        data = body.encode().decode("unicode_escape").encode("latin-1") + b"\n"
    else:
        data = f"{body}\n".encode()
    path = folder / "example.csv"
    path.write_bytes(data)
    return path, variant


def target_for(section, variant, folder):
    said = variant if any(o in VARIANTS for o in section.options) else None
    return Target(variant=said, default=variant, folders=(folder,), roots=(folder,))


def diagnostics_of(path, target):
    return list(lint_file(path, RowLinter(path.name, RULES, target)))


def codes(path, target):
    return [diagnostic.code for diagnostic in diagnostics_of(path, target)]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: f"{rule.code}-{rule.name}")
def test_example_reports_exactly_its_code(rule, folder):
    section = help_of(rule).section("Example")
    path, variant = write_example(section, folder)
    assert set(codes(path, target_for(section, variant, folder))) == {rule.code}


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: f"{rule.code}-{rule.name}")
def test_use_instead_reports_nothing(rule, folder):
    section = help_of(rule).section("Use instead")
    path, variant = write_example(section, folder)
    assert codes(path, target_for(section, variant, folder)) == []


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: f"{rule.code}-{rule.name}")
def test_help_is_complete(rule):
    help_ = help_of(rule)
    assert help_.summary.endswith(".")
    assert [s.heading for s in help_.sections] == list(HEADINGS)
    assert all(s.body for s in help_.sections)
    safety = help_.section("Fix safety").body
    assert safety.startswith(("Safe: ", "Unsafe: ", "There is no fix"))


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: f"{rule.code}-{rule.name}")
def test_fix_turns_the_example_into_what_to_use_instead(rule, folder):
    help_ = help_of(rule)
    safety = help_.section("Fix safety").body
    section = help_.section("Example")
    path, variant = write_example(section, folder)
    target = target_for(section, variant, folder)
    diagnostics = diagnostics_of(path, target)
    if safety.startswith("There is no fix"):
        assert all(d.fix is None for d in diagnostics)
        return
    assert all(d.fix is not None for d in diagnostics)
    is_safe = safety.startswith("Safe")
    assert {d.fix.is_safe for d in diagnostics} == {is_safe}
    fixer = Fixer(target, lambda _row, _rule, fix: fix.is_safe or not is_safe)
    fixed = [dict(fixer.fix(row).row.values) for row in iter_rows(path)]
    wanted, _ = write_example(help_.section("Use instead"), folder)
    assert fixed == [dict(row.values) for row in iter_rows(wanted)]
