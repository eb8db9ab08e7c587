"""The rest of the HTTP API: checking prompts, planning, models, profiles, the queue as a whole."""

from typing import Any

from fastapi import APIRouter

from ovi.errors import WeightsError
from ovi.spec.profiles import AUTO, PROFILES
from ovi.spec.request import Precision
from ovi.spec.variants import VARIANTS, Variant, variant_named
from ovi.weights.store import locate_files
from ovi_studio.actions.authoring import row_of_text
from ovi_studio.actions.forecasting import OtherMachine, forecast
from ovi_studio.actions.live_check import LiveChecker
from ovi_studio.actions.queue_control import QueueControl
from ovi_studio.actions.rendering import RenderOrder, say_nothing
from ovi_studio.actions.settings import default_variant, load_settings
from ovi_studio.lint.diagnostic import Diagnostic
from ovi_studio.prompt.prompt_set import TEXT_COLUMN
from ovi_studio.render.job import JobStatus
from ovi_studio.report.forecast import forecast_document
from ovi_studio.report.table import variant_data
from ovi_studio.web.api_answers import choices_of
from ovi_studio.web.api_documents import answers
from ovi_studio.web.api_errors import ApiError
from ovi_studio.web.api_models import (
    ClipSettings,
    Finding,
    Fix,
    FixEdit,
    Model,
    ModelList,
    Plan,
    ProfileEntry,
    ProfileList,
    PromptCheck,
    PromptToCheck,
    Queue,
    Span,
)
from ovi_studio.web.context import WebContext
from ovi_studio.web.looks import QueueLooks


def studio_routes(context: WebContext, looks: QueueLooks) -> APIRouter:
    """The addresses of everything that is not about one clip."""
    router = APIRouter()
    control = QueueControl(context.layout, on_rescue=say_nothing, keep_queue=context.keep_queue)

    @router.post("/prompts/check", responses=answers(400))
    def check_prompt(request: PromptToCheck) -> PromptCheck:
        """Check a prompt as `ovi lint` does."""
        return check(request, context)

    @router.post("/plan", responses=answers(400))
    def plan(request: ClipSettings) -> Plan:
        """What a clip would take under every profile: memory, time, and whether it fits."""
        return Plan(forecast=plan_clip(request, context))

    @router.get("/models", responses=answers())
    def list_models() -> ModelList:
        """The variants that can be rendered."""
        return ModelList(data=[_model(variant, context) for variant in VARIANTS.values()])

    @router.get("/models/{model}", responses=answers(404))
    def get_model(model: str) -> Model:
        """One variant."""
        if model not in VARIANTS:
            raise ApiError(404, f"There is no model {model[:60]!r}. Known: {', '.join(VARIANTS)}.")
        return _model(VARIANTS[model], context)

    @router.get("/profiles", responses=answers())
    def list_profiles() -> ProfileList:
        """The named ways to run; `auto` takes the first of them that fits."""
        found = [ProfileEntry(id=name, description=each.meaning) for name, each in PROFILES.items()]
        auto = ProfileEntry(id=AUTO, description="The first of the others that fits this machine.")
        return ProfileList(data=[*found, auto])

    @router.get("/queue", responses=answers())
    def get_queue() -> Queue:
        """The queue as a whole."""
        return _queue(looks)

    @router.post("/queue/pause", responses=answers())
    def pause_queue() -> Queue:
        """Take no other clip; the ones at work are finished."""
        control.pause()
        return _queue(looks)

    @router.post("/queue/resume", responses=answers())
    def resume_queue() -> Queue:
        """Take clips again."""
        if context.layout.state.queue_path.is_file():
            control.resume()
        return _queue(looks)

    return router


def check(request: PromptToCheck, context: WebContext) -> PromptCheck:
    """What a check of a prompt found. Raises StudioError for a configuration that is wrong."""
    config = load_settings(context.layout.root)
    variant = default_variant(config) if request.model is None else variant_named(request.model)
    checker = LiveChecker(config, context.layout.root, variant=variant)
    row = row_of_text(request.prompt)
    found = checker.check(row)
    return PromptCheck(
        model=variant.name,
        is_clean=not found.findings,
        findings=[_finding(each) for each in found.findings],
        fixed_prompt=checker.fix_safely(row).get(TEXT_COLUMN, request.prompt),
        speech_seconds=round(found.speech_seconds, 2),
        clip_seconds=round(found.clip_seconds, 3),
    )


def plan_clip(settings: ClipSettings, context: WebContext) -> dict[str, Any]:
    """The document of `ovi plan --json` for a clip. Raises ApiError, StudioError, OviError."""
    config = load_settings(context.layout.root)
    said = choices_of(settings, default_variant(config)).over(context.defaults)
    # Memory and time do not depend on the prompt, so none is asked for.
    return forecast_document(forecast(RenderOrder((), said), context.layout.root, OtherMachine()))


def _finding(found: Diagnostic) -> Finding:
    span = None if found.span is None else Span(start=found.span.start, end=found.span.end)
    fix = None
    if found.fix is not None:
        edits = [
            FixEdit(start=edit.span.start, end=edit.span.end, replacement=edit.replacement)
            for edit in found.fix.edits
        ]
        fix = Fix(title=found.fix.title, safe=found.fix.is_safe, edits=edits)
    return Finding(
        code=found.code,
        name=found.name,
        severity=found.severity,
        message=found.message,
        span=span,
        fix=fix,
    )


def _model(variant: Variant, context: WebContext) -> Model:
    data: dict[str, Any] = variant_data(variant)
    return Model(
        id=variant.name,
        owned_by="ovi-studio" if variant.is_embedded else "ovi",
        seconds=data["duration_seconds"],
        num_frames=variant.num_frames,
        size=f"{data['size']['width']}x{data['size']['height']}",
        audio_caption=data["audio_caption"],
        is_embedded=variant.is_embedded,
        is_installed=_is_installed(variant, context),
    )


def _is_installed(variant: Variant, context: WebContext) -> bool:
    folder = load_settings(context.layout.root).render.ckpt_dir
    place = context.layout.checkpoint_folder if folder is None else context.layout.root / folder
    try:
        return locate_files(variant, Precision(), place) is not None
    except WeightsError:
        return False


def _queue(looks: QueueLooks) -> Queue:
    snapshot = looks.look().snapshot
    return Queue(
        paused_since=snapshot.paused_since,
        waiting=snapshot.count(JobStatus.PENDING),
        in_progress=snapshot.count(JobStatus.RUNNING, JobStatus.CANCELLING),
        completed=snapshot.count(JobStatus.DONE),
        failed=snapshot.count(JobStatus.FAILED),
        cancelled=snapshot.count(JobStatus.CANCELLED),
        clips_per_hour=snapshot.clips_per_hour,
        seconds_left=snapshot.seconds_left,
    )
