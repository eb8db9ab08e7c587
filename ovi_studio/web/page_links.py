"""Where the page finds clips, previews and recipes: the addresses of the HTTP API."""

from urllib.parse import quote, urlencode

from ovi_studio.render.job import RenderJob


def job_link(job_id: int, part: str = "", *, version: float | None = None) -> str:
    """The clip of a job; `part` may be preview, preview_sound, recipe or thumbnail.

    `version` defeats caches: another number, another content.
    """
    return _content(f"/v1/videos/video_{job_id}", part, version=version)


def job_download(job_id: int, part: str = "") -> str:
    """The same, to be saved as a file."""
    return _content(f"/v1/videos/video_{job_id}", part, is_download=True)


def clip_link(identity: str, part: str = "") -> str:
    """A clip of the library; `part` may be recipe, thumbnail or waveform."""
    return _content(f"/v1/clips/{quote(identity, safe='')}", part)


def clip_download(identity: str, part: str = "") -> str:
    """The same, to be saved as a file."""
    return _content(f"/v1/clips/{quote(identity, safe='')}", part, is_download=True)


def version_of(job: RenderJob) -> float:
    """Another number once the clip was rendered anew."""
    return float(sum((place + 1) * ord(sign) for place, sign in enumerate(job.finished or "")))


def _content(
    address: str, part: str, *, version: float | None = None, is_download: bool = False
) -> str:
    query = {
        **({"variant": part} if part else {}),
        **({"download": "1"} if is_download else {}),
        **({} if version is None else {"v": f"{version:.3f}"}),
    }
    return f"{address}/content" + (f"?{urlencode(query)}" if query else "")
