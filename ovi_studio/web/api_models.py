"""What the HTTP API takes and gives, as models that check themselves and document themselves.

Names and meanings are those of OpenAI's videos API where it has them; the fields it does not have
are those of `ovi render`. Sizes in `size` are width x height, as there; everywhere else in Ovi
Studio the height comes first.
"""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from ovi.spec.request import MAX_SEED, SOLVERS, Mode
from ovi.spec.variants import VARIANTS
from ovi_studio.web.context import Limits

_LIMITS = Limits()

ModelName = Literal[*VARIANTS]  # type: ignore[valid-type]
SolverName = Literal[*SOLVERS]  # type: ignore[valid-type]
PROMPT = r"^[^\x00]*[^\s\x00][^\x00]*$"
"""Something, and no null character, which no prompt file can hold."""

PromptText = Annotated[
    str, StringConstraints(min_length=1, max_length=_LIMITS.prompt_characters, pattern=PROMPT)
]
Scale = Annotated[float, Field(ge=-100, le=100, allow_inf_nan=False)]
Side = Annotated[int, Field(ge=32, le=_LIMITS.side_pixels)]
DATA_URL = r"^data:image/[a-z0-9.+-]+;base64,[A-Za-z0-9+/]+={0,2}$"


class Strict(BaseModel):
    """A request whose fields are all known."""

    model_config = ConfigDict(extra="forbid")


class PictureReference(Strict):
    """A picture inside a JSON request. Nothing is fetched from anywhere."""

    image_url: Annotated[str, StringConstraints(pattern=DATA_URL, max_length=_LIMITS.body_bytes)]
    """a data URL with base64, such as `data:image/png;base64,...`"""


class ClipSettings(Strict):
    """What decides a clip beside its prompt. What is left out is decided as by `ovi render`."""

    model: Annotated[ModelName | None, Field(description="A variant of /v1/models.")] = None
    seconds: Annotated[
        str | None,
        Field(
            pattern=r"^[0-9]{1,3}(\.[0-9]{1,3})?$",
            description="Length of the clip. Each model makes one length; without `model` this "
            "chooses one. Models with this length, rounded, are taken.",
        ),
    ] = None
    size: Annotated[
        str | None,
        Field(
            pattern=r"^[1-9][0-9]{1,3}x[1-9][0-9]{1,3}$",
            description="Width x height in pixels, fitted to the model: 1280x704 is wide.",
        ),
    ] = None
    height: Annotated[Side | None, Field(description="With `width`, in place of `size`.")] = None
    width: Annotated[Side | None, Field(description="With `height`, in place of `size`.")] = None
    mode: Annotated[
        Mode | None,
        Field(description="t2v, i2v (needs input_reference) or t2i2v (draws a first frame)."),
    ] = None
    seed: Annotated[int | None, Field(ge=0, le=MAX_SEED)] = None
    steps: Annotated[int | None, Field(ge=1, le=_LIMITS.steps)] = None
    solver: SolverName | None = None
    shift: Annotated[float | None, Field(gt=0, le=1000, allow_inf_nan=False)] = None
    video_guidance: Scale | None = None
    audio_guidance: Scale | None = None
    slg_layer: Annotated[
        int | None, Field(ge=-1, le=1000, description="Layer left out; 0 or below: none.")
    ] = None
    video_negative: Annotated[str | None, Field(max_length=_LIMITS.prompt_characters)] = None
    audio_negative: Annotated[str | None, Field(max_length=_LIMITS.prompt_characters)] = None
    profile: Annotated[
        str | None,
        Field(pattern=r"^[a-z0-9]{1,16}$", description="A name of /v1/profiles, or auto."),
    ] = None


class VideoOrder(ClipSettings):
    """A clip to be rendered, as JSON."""

    prompt: PromptText
    force: Annotated[bool, Field(description="Render anew what was rendered before.")] = False
    input_reference: Annotated[
        PictureReference | None, Field(description="The first frame; the mode is i2v then.")
    ] = None


class VideoForm(ClipSettings):
    """A clip to be rendered, as a form that may carry the first frame as a file."""

    prompt: PromptText
    force: bool = False
    input_reference: Annotated[
        bytes | None,
        Field(
            description="The first frame: PNG, JPEG, WebP and others.",
            json_schema_extra={"format": "binary"},
        ),
    ] = None


class VideoError(BaseModel):
    """Why a clip failed."""

    code: str
    message: str


class Video(BaseModel):
    """One clip: what was ordered, and how far it is."""

    id: str
    object: Literal["video"] = "video"
    model: str
    status: Literal["queued", "in_progress", "completed", "failed", "cancelled"]
    progress: Annotated[int, Field(ge=0, le=100)]
    created_at: int
    completed_at: int | None = None
    expires_at: None = None
    seconds: str
    size: Annotated[str, Field(description="Width x height, as it comes out.")]
    prompt: str
    remixed_from_video_id: None = None
    error: VideoError | None = None
    height: int
    width: int
    mode: Mode
    seed: int
    steps: int
    solver: str
    shift: float
    video_guidance: float
    audio_guidance: float
    slg_layer: int | None
    video_negative: str
    audio_negative: str
    profile: str | None
    fell_back_from: str | None
    set: str
    row: str
    file: Annotated[str, Field(description="Name of the MP4 among the project's clips.")]
    stage: str | None
    step: int
    num_steps: int
    seconds_left: float | None
    place: Annotated[int | None, Field(description="Among those that wait; 1 comes next.")]
    is_cancelling: bool
    warnings: list[str]


class VideoList(BaseModel):
    """One page of clips."""

    object: Literal["list"] = "list"
    data: list[Video]
    first_id: str | None
    last_id: str | None
    has_more: bool


class VideoDeleted(BaseModel):
    """A clip that is gone from the queue; its files lie in the trash."""

    id: str
    object: Literal["video.deleted"] = "video.deleted"
    deleted: Literal[True] = True


class PromptToCheck(Strict):
    """A prompt to be checked."""

    prompt: Annotated[str, Field(max_length=_LIMITS.prompt_characters)]
    model: ModelName | None = None
    mode: Mode | None = None


class Span(BaseModel):
    """Half-open, in characters of the prompt."""

    start: int
    end: int


class FixEdit(Span):
    """A replacement of characters."""

    replacement: str


class Fix(BaseModel):
    """A way to mend a finding."""

    title: str
    safe: bool
    edits: list[FixEdit]


class Finding(BaseModel):
    """Something wrong with a prompt. `ovi rule CODE` explains it."""

    code: str
    name: str
    severity: str
    message: str
    span: Span | None
    fix: Fix | None


class PromptCheck(BaseModel):
    """What a check found."""

    object: Literal["prompt.check"] = "prompt.check"
    model: str
    is_clean: bool
    findings: list[Finding]
    fixed_prompt: Annotated[str, Field(description="With all safe fixes applied.")]
    speech_seconds: Annotated[float, Field(description="At the fastest pace published.")]
    clip_seconds: float


class Model(BaseModel):
    """A variant."""

    id: str
    object: Literal["model"] = "model"
    created: int = 0
    owned_by: str
    seconds: float
    num_frames: int
    size: Annotated[str, Field(description="Width x height of a square clip.")]
    audio_caption: str
    is_embedded: Annotated[bool, Field(description="Its weights ship with the program.")]
    is_installed: Annotated[bool, Field(description="Its weight files are here.")]


class ModelList(BaseModel):
    """All variants."""

    object: Literal["list"] = "list"
    data: list[Model]


class ProfileEntry(BaseModel):
    """A named way to run."""

    id: str
    object: Literal["profile"] = "profile"
    description: str


class ProfileList(BaseModel):
    """All profiles."""

    object: Literal["list"] = "list"
    data: list[ProfileEntry]


class Plan(BaseModel):
    """What a clip would take; `forecast` is the document of `ovi plan --json`."""

    object: Literal["plan"] = "plan"
    forecast: dict[str, Any]


class Queue(BaseModel):
    """The queue as a whole."""

    object: Literal["queue"] = "queue"
    paused_since: str | None
    waiting: int
    in_progress: int
    completed: int
    failed: int
    cancelled: int
    clips_per_hour: float | None
    seconds_left: float | None


class ErrorDetail(BaseModel):
    """What went wrong."""

    message: str
    type: str
    param: str | None
    code: str


class ErrorAnswer(BaseModel):
    """Every error."""

    error: ErrorDetail
