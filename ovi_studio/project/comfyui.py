"""Finds the prompts in a ComfyUI workflow, in either of its two formats.

The API format maps node ids to `class_type` and `inputs`, where an input is a value or a link
`[node, slot]`; the editor's format lists `nodes` with `widgets_values` and `links`. Which text is
the prompt and which the negative is followed from the sampler's inputs `positive` and `negative`.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

POSITIVE_FIELDS = ("text_prompt", "positive_prompt", "positive_text", "prompt", "text", "t5xxl",
                   "text_g", "clip_l")  # fmt: skip
NEGATIVE_FIELDS = ("negative_prompt", "negative_text", "video_negative_prompt")
STRING_FIELDS = ("value", "string", "text", "prompt", "text_prompt", "String", "Text")
"""Where a node that only holds a text keeps it."""

SEED_FIELDS = ("seed", "noise_seed")

_MUTED_MODES = (2, 4)


@dataclass(frozen=True, slots=True)
class Link:
    """An input that comes from another node."""

    node: str
    slot: int


@dataclass(frozen=True, slots=True)
class Node:
    """One node, of either format."""

    kind: str
    title: str = ""
    inputs: Mapping[str, Any] = field(default_factory=dict)
    """A value or a `Link` each."""

    @property
    def links(self) -> list[Link]:
        return [value for value in self.inputs.values() if isinstance(value, Link)]


@dataclass(frozen=True, slots=True)
class FoundPrompt:
    """A prompt with what belongs to it."""

    text: str
    negative: str = ""
    seed: str = ""
    node: str = ""
    """Its node's id, for messages."""


def is_workflow(document: object) -> bool:
    """True if a JSON document is a workflow of either format."""
    return bool(_nodes_of(document))


def find_prompts(document: object) -> list[FoundPrompt]:
    """The prompts of a workflow, in the order of its nodes; none if it is no workflow."""
    nodes = _nodes_of(document)
    holders = _text_holders(nodes)
    reached = {role: _reached(nodes, role) for role in ("positive", "negative")}
    texts = {
        name: text
        for name, node in nodes.items()
        if name not in holders and (text := _field_text(nodes, node, POSITIVE_FIELDS)).strip()
    }
    negatives = [name for name in texts if name in reached["negative"]]
    positives = [name for name in texts if name in reached["positive"]]
    if not positives:
        positives = [
            name
            for name in texts
            if name not in negatives and "negative" not in nodes[name].title.lower()
        ]
    seeds = {str(seed) for node in nodes.values() for seed in _seeds(node)}
    shared_negatives = {texts[name] for name in negatives if name not in positives}
    return [
        FoundPrompt(
            texts[name],
            _field_text(nodes, nodes[name], NEGATIVE_FIELDS) or _only(shared_negatives),
            _only(seeds),
            name,
        )
        for name in positives
    ]


def picture_names(document: object) -> list[str]:
    """The pictures that a workflow loads; they lie in ComfyUI's own input folder."""
    names = [
        node.inputs.get("image")
        for node in _nodes_of(document).values()
        if node.kind.startswith("LoadImage")
    ]
    return [name for name in names if isinstance(name, str)]


def _nodes_of(document: object) -> dict[str, Node]:
    """The nodes of a workflow by id; none if it is none."""
    if not isinstance(document, dict):
        return {}
    if isinstance(document.get("nodes"), list):
        return _editor_nodes(document)
    if isinstance(document.get("prompt"), dict):  # what is sent to ComfyUI's server
        return _nodes_of(document["prompt"])
    return {
        str(name): Node(value["class_type"], _title(value), _inputs(value.get("inputs")))
        for name, value in document.items()
        if isinstance(value, dict) and isinstance(value.get("class_type"), str)
    }


def _title(node: Mapping[str, Any]) -> str:
    meta = node.get("_meta")
    title = meta.get("title") if isinstance(meta, dict) else node.get("title")
    return title if isinstance(title, str) else ""


def _inputs(written: object) -> dict[str, Any]:
    if not isinstance(written, dict):
        return {}
    return {str(name): _link_or_value(value) for name, value in written.items()}


def _link_or_value(value: object) -> object:
    match value:
        case [str() | int() as node, int() as slot]:
            return Link(str(node), slot)
    return value


def _editor_nodes(document: Mapping[str, Any]) -> dict[str, Node]:
    sources: dict[object, Link] = {}
    links = document.get("links")
    for link in links if isinstance(links, list) else ():
        match link:
            case [int() as number, str() | int() as node, int() as slot, *_]:
                sources[number] = Link(str(node), slot)
            case {"id": int() as number, "origin_id": node, "origin_slot": int() as slot}:
                sources[number] = Link(str(node), slot)
    nodes: dict[str, Node] = {}
    for written in document["nodes"]:
        if not isinstance(written, dict) or written.get("mode") in _MUTED_MODES:
            continue
        kind = written.get("type")
        if isinstance(kind, str) and kind not in ("Note", "MarkdownNote"):
            nodes[str(written.get("id"))] = Node(kind, _title(written), _widgets(written, sources))
    return nodes


def _widgets(written: Mapping[str, Any], sources: Mapping[object, Link]) -> dict[str, Any]:
    """Links by name, and texts under the names the API format would give them."""
    inputs: dict[str, Any] = {}
    values = written.get("widgets_values")
    if isinstance(values, dict):
        inputs.update(values)
    elif isinstance(values, list):
        texts = [value for value in values if isinstance(value, str)]
        kind = str(written.get("type"))
        is_text_node = "TextEncode" in kind and "Encoder" not in kind
        if (is_text_node or kind.startswith(("Primitive", "Ovi")) or "Text" in kind) and texts:
            inputs["text"] = texts[0]
            if "WanVideoTextEncode" in kind and len(texts) > 1:
                inputs["negative_prompt"] = texts[1]
        elif "Sampler" in kind and values and isinstance(values[0], int):
            inputs["seed"] = values[0]
        elif kind.startswith("LoadImage") and texts:
            inputs["image"] = texts[0]
    slots = written.get("inputs")
    for slot in slots if isinstance(slots, list) else ():
        if isinstance(slot, dict) and slot.get("link") in sources:
            inputs[str(slot.get("name"))] = sources[slot["link"]]
    return inputs


def _text_holders(nodes: Mapping[str, Node]) -> set[str]:
    """Nodes whose text another node takes over as its own."""
    return {
        value.node
        for node in nodes.values()
        for name, value in node.inputs.items()
        if isinstance(value, Link) and name in (*POSITIVE_FIELDS, *NEGATIVE_FIELDS)
    }


def _field_text(nodes: Mapping[str, Node], node: Node, fields: tuple[str, ...]) -> str:
    """The first of a node's fields that is a text, or leads to a node that holds one."""
    for name in fields:
        value = node.inputs.get(name)
        seen: set[str] = set()
        while isinstance(value, Link) and value.node in nodes and value.node not in seen:
            seen.add(value.node)
            inputs = nodes[value.node].inputs
            value = next((inputs[name] for name in STRING_FIELDS if name in inputs), None)
        if isinstance(value, str):
            return value
    return ""


def _reached(nodes: Mapping[str, Node], role: str) -> set[str]:
    """The nodes from which conditioning flows into inputs of that role."""
    pending = _links_into(nodes, (role,))
    if role == "positive" and not pending:  # what samplers without a negative call it
        pending = _links_into(nodes, ("conditioning", "text_embeds"))
    reached: set[str] = set()
    while pending:
        link = pending.pop()
        if link.node in reached or link.node not in nodes:
            continue
        node = nodes[link.node]
        reached.add(link.node)
        both = [node.inputs.get("positive"), node.inputs.get("negative")]
        if all(isinstance(value, Link) for value in both):  # it passes both on, each at its slot
            pending += [value for value in both[link.slot : link.slot + 1] if value is not None]
        else:
            pending += node.links
    return reached


def _links_into(nodes: Mapping[str, Node], names: tuple[str, ...]) -> list[Link]:
    inputs = (node.inputs.get(name) for node in nodes.values() for name in names)
    return [value for value in inputs if isinstance(value, Link)]


def _seeds(node: Node) -> Iterator[int]:
    for name in SEED_FIELDS:
        seed = node.inputs.get(name)
        if isinstance(seed, int) and not isinstance(seed, bool) and 0 <= seed < 1 << 63:
            yield seed


def _only(values: set[str]) -> str:
    return next(iter(values)) if len(values) == 1 else ""
