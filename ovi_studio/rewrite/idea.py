"""New prompts from an idea: a model gives the parts, our code puts them together.

Tags, the form of the caption and the order of the parts are ours, so they are right whatever comes.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ovi.spec.variants import AudioForm, Variant
from ovi_studio.expand.template import PromptTemplate
from ovi_studio.lint.limits import count_words, limits_of
from ovi_studio.prompt.model import (
    CAPTION_END,
    CAPTION_PREFIX,
    CAPTION_START,
    SPEECH_END,
    SPEECH_START,
    SegmentKind,
)
from ovi_studio.prompt.timing import time_speech
from ovi_studio.rewrite.answers import iter_json
from ovi_studio.rewrite.budget import SHARE_OF_CLIP
from ovi_studio.rewrite.clean import clean_answer
from ovi_studio.rewrite.connection import ResponseFormat

_FIELDS = ("opening", "closing", "sound")
_LABELLED = re.compile(r"[\s*#-]*(opening|lead|line|text|closing|sound)[\s*]*[:=](.*)", re.I)


@dataclass(frozen=True, slots=True)
class Built:
    """A prompt made of parts, or why none could be made."""

    text: str = ""
    problems: tuple[str, ...] = ()


def idea_messages(
    system: str, form: ResponseFormat, variant: Variant, template: PromptTemplate | None,
    *, number: int, others: Sequence[str], notes: Sequence[str],
) -> list[dict[str, str]]:  # fmt: skip
    """The request for one clip."""
    limits = limits_of(variant)
    data: dict[str, Any] = {
        "clip": number,
        "seconds": round(variant.video_seconds),
        "words_in_all": f"{limits.prompt_from} to {limits.prompt_to - 20}",
        "most_spoken_words_in_all": limits.speech_info,
        "most_lines": limits.num_lines,
    }
    if others:
        data["unlike_these_clips"] = [text[:200] for text in others[-5:]]
    if notes:
        data["refused_before_because"] = list(notes)
    if template is not None:
        data["fill_in"] = {
            blank.name: _described(template, blank.name) for blank in template.blanks
        }
        shape = '{"blanks": {"NAME": "..."}}, with each name of fill_in'
        lines = "one line for each name of fill_in: the name, a colon, the words"
    else:
        shape = (
            '{"opening": "...", "lines": [{"lead": "The older woman leans in and whispers", '
            '"text": "..."}], "closing": "...", "sound": "..."}'
        )
        lines = (
            "lines that begin with OPENING:, then LEAD: and LINE: for each line of speech, then "
            "CLOSING: and SOUND:"
        )
    how = f"Answer with {lines}, and nothing else."
    if form is not ResponseFormat.TEXT:
        how = f"Answer with one JSON object and nothing else: {shape}."
    told = (
        "Write one clip. opening: the place and the people, up to the first line of speech. lead: "
        "who speaks and how, without the words. closing: what happens afterwards, and the camera. "
        f"sound: the sound caption.\n{how}\n\n{json.dumps(data, ensure_ascii=False, indent=1)}"
    )
    return [{"role": "system", "content": system}, {"role": "user", "content": told}]


def _described(template: PromptTemplate, name: str) -> str:
    blank = next(blank for blank in template.blanks if blank.name == name)
    example = f", for example: {blank.default}" if blank.default else ""
    return f"{blank.description}{example}"


def idea_schema(template: PromptTemplate | None) -> dict[str, Any]:
    """The JSON schema of an answer, in the strict dialect."""
    text = {"type": "string"}
    if template is not None:
        return _object({"blanks": _object({blank.name: text for blank in template.blanks})})
    line = _object({"lead": text, "text": text})
    return _object(
        {"opening": text, "lines": {"type": "array", "items": line}, "closing": text, "sound": text}
    )


def _object(properties: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": dict(properties),
        "required": list(properties),
        "additionalProperties": False,
    }


def build_prompt(answer: str, variant: Variant, template: PromptTemplate | None) -> Built:
    """The prompt that an answer comes to."""
    if template is not None:
        return _filled(answer, template)
    parts = _parts_of(answer)
    if parts is None:
        return Built(problems=("there was no clip in the answer",))
    problems: list[str] = []
    words: dict[str, str] = {}
    for name in _FIELDS:
        kind = SegmentKind.CAPTION if name == "sound" else SegmentKind.SCENE
        cleaned = clean_answer(parts[name], kind)
        if cleaned.problem and not (name == "closing" and not parts[name].strip()):
            problems.append(f"{name}: {cleaned.problem}")
        words[name] = cleaned.words
    lines: list[tuple[str, str]] = []
    for number, (lead, text) in enumerate(parts["lines"], 1):
        led, said = clean_answer(lead, SegmentKind.SCENE), clean_answer(text, SegmentKind.SPEECH)
        problem = led.problem or said.problem
        if problem:
            problems.append(f"line {number}: {problem}")
        lines.append((led.words.rstrip(" ,:;.") or "A voice says", said.words))
    problems += _speech_problems([said for _, said in lines], variant)
    if problems:
        return Built(problems=tuple(problems))
    return Built(_assembled(words, lines, variant.audio_form))


def _speech_problems(lines: Sequence[str], variant: Variant) -> list[str]:
    limits = limits_of(variant)
    problems = []
    num_words = sum(map(count_words, lines))
    seconds = sum(time_speech(line).seconds for line in lines)
    if len(lines) > limits.num_lines:
        problems.append(f"it has {len(lines)} lines of speech; at most {limits.num_lines} fit")
    if num_words > limits.speech_info:
        problems.append(f"it has {num_words} spoken words; at most {limits.speech_info} fit")
    elif seconds > SHARE_OF_CLIP * variant.video_seconds:
        problems.append(f"its speech takes {seconds:.1f} s: use fewer words")
    return problems


def _assembled(words: Mapping[str, str], lines: Sequence[tuple[str, str]], form: AudioForm) -> str:
    pieces = [_closed(words["opening"])]
    for lead, said in lines:
        pieces.append(f"{lead[:1].upper()}{lead[1:]}, {SPEECH_START}{said}{SPEECH_END}")
    if words["closing"]:
        pieces.append(_closed(words["closing"]))
    sound = words["sound"]
    if form is AudioForm.TAGGED:
        pieces.append(f"{CAPTION_START}{sound}{CAPTION_END}")
    else:
        pieces.append(f"{CAPTION_PREFIX} {sound}")
    return " ".join(pieces)


def _closed(text: str) -> str:
    return text if text.endswith((".", "!", "?", "…")) else f"{text.rstrip(' ,:;-')}."


def _filled(answer: str, template: PromptTemplate) -> Built:
    names = [blank.name for blank in template.blanks]
    found = _blanks_of(answer, names)
    if not found:
        return Built(problems=("there was nothing to fill in",))
    values: dict[str, str] = {}
    problems = []
    for name, text in found.items():
        cleaned = clean_answer(text, SegmentKind.SCENE)
        if cleaned.problem and text.strip():
            problems.append(f"{name}: {cleaned.problem}")
        elif cleaned.words:
            values[name] = cleaned.words.rstrip(" ,;:")
    required = {blank.name for blank in template.blanks if blank.default is None}
    problems += [f"{name} is missing" for name in sorted(required - values.keys())]
    return Built(problems=tuple(problems)) if problems else Built(template.fill(values))


def _blanks_of(answer: str, names: Sequence[str]) -> dict[str, str]:
    for document in iter_json(answer[:100_000]):
        if isinstance(document, dict):
            inner = document.get("blanks", document)
            if isinstance(inner, dict):
                return {n: inner[n] for n in names if isinstance(inner.get(n), str)}
    lines = [line.partition(":") for line in answer[:100_000].splitlines()]
    return {name.strip(" *-"): text for name, colon, text in lines if name.strip(" *-") in names}


def _parts_of(answer: str) -> dict[str, Any] | None:
    """opening, lines (pairs of lead and text), closing and sound; None if there are none."""
    answer = answer[:100_000]
    for document in iter_json(answer):
        found = _clip_in(document)
        if found is not None:
            return found
    return _labelled_parts(answer)


def _clip_in(document: Any) -> dict[str, Any] | None:
    if isinstance(document, list):
        document = next((item for item in document if isinstance(item, dict)), None)
    if not isinstance(document, dict):
        return None
    for inner in (document, *document.values()):
        if isinstance(inner, list):
            inner = inner[0] if inner else None
        if isinstance(inner, dict) and isinstance(inner.get("opening"), str):
            given = inner.get("lines")
            lines = [
                (str(line.get("lead") or ""), str(line.get("text") or line.get("line") or ""))
                for line in (given if isinstance(given, list) else [])[:50]
                if isinstance(line, dict)
            ]
            texts = {name: inner.get(name) for name in _FIELDS}
            return {
                **{n: text if isinstance(text, str) else "" for n, text in texts.items()},
                "lines": lines,
            }
    return None


def _labelled_parts(answer: str) -> dict[str, Any] | None:
    found: dict[str, Any] = {"opening": "", "closing": "", "sound": "", "lines": []}
    lead = ""
    for written in answer.splitlines()[:200]:
        match = _LABELLED.fullmatch(written[:4000])
        if match is None:
            continue
        name, text = match[1].lower(), match[2].strip()
        if name == "lead":
            lead = text
        elif name in ("line", "text"):
            found["lines"].append((lead, text))
            lead = ""
        else:
            found[name] = found[name] or text
    return found if found["opening"] else None
