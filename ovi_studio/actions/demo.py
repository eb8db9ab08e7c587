"""Makes a project to look around in: prompts that render in seconds, and prompts with mistakes."""

from pathlib import Path

from ovi_studio.project.new_project import NewProject, create_project

DEMO_SET = "demo.csv"
"""The set that is shown first."""

_DEMO = """\
text_prompt,seed,ignore
"A round face with brown hair and a green hat looks straight at us and says \
<S>good morning<E>. Audio: A clear woman's voice in a quiet room.",1,
A red circle bounces up and down in front of a dark blue wall. \
Audio: A low thud at every bounce.,1,no-speech
"Over a dark green floor, a yellow star rises slowly. Audio: A tone that climbs.",2,no-speech
A pale woman with long black hair looks at us in front of a grey wall and says \
<S>welcome yellow dragon<E>. Audio: A clear woman's voice.,3,
A white ring slides from left to right in front of a brown wall. \
Audio: A soft whoosh.,4,no-speech
"A pale face with grey hair blinks once, leans closer and says <S>yellow garden<E>. \
Audio: A deep man's voice close by.",2,
"""

_MISTAKES = """\
text_prompt,seed
A round face with a green hat looks at us and says <S>good morning. \
Audio: A clear woman's voice.,1
A man with black hair says <S><E> and smiles. Audio: A quiet room.,2
"A pale woman says <S>the small boat came home late in the evening and nobody on the whole \
long beach had seen it leave that morning<E>. Audio: A calm voice.",3
A yellow star rises slowly over a dark green floor.,4
"""
"""What the checker finds, and mostly mends: for trying it."""


def create_demo(root: Path) -> NewProject:
    """Makes a folder a project with two sets; what is there stays as it is.

    Raises UsageError or PromptFileError when it cannot be written.
    """
    return create_project(root, {DEMO_SET: _DEMO, "mistakes.csv": _MISTAKES})


def demo_folder(working_folder: Path) -> Path:
    """Where a demo goes when no folder is named: here if nothing is here, else a new folder."""
    try:
        is_empty = not any(path for path in working_folder.iterdir() if path.name[0] != ".")
    except OSError:
        is_empty = False
    if is_empty:
        return working_folder
    number = 1
    while (folder := working_folder / f"ovi-demo{'' if number == 1 else f'-{number}'}").exists():
        number += 1
    return folder
