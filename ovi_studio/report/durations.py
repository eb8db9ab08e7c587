"""Writes spans of time as people say them."""


def duration_text(seconds: float) -> str:
    """`3.2 s` below ten seconds, then `0:42`, `12:05` or `2:00:10`."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
