"""Prompts like the published ones, and what can happen to them on the way to the linter."""

import random

T = "{form}"

SCENES = [
    ("A fisherman in a yellow raincoat mends a net on a wet pier at dawn, gulls wheeling over the "
     "grey water behind him. He looks up, squints into the wind, and says, <S>The sea gives and "
     "the sea takes.<E> He bends over the net again and pulls a knot tight.",
     "Calm, hoarse male voice, waves against wood, distant gulls."),
    ("Two sisters in matching green coats sit on a tram in heavy rain, the lights of the city "
     "sliding over the glass. The older one leans over and whispers, <S>Do you think he knows?<E> "
     "The younger one shakes her head and replies, <S>Not a chance.<E>. They both look out.",
     "Two soft female voices, hum of the tram, rain on glass."),
    ("In a bright bakery a woman with flour on her cheek lifts a tray of rolls out of the oven, "
     "steam rising around her. She turns to the camera with a broad smile and announces, <S>First "
     "batch of the day!<E> She sets the tray on the counter and wipes her hands.",
     "Cheerful female voice, clatter of trays, a quiet radio in the background."),
    ("A teacher with round glasses stands before a blackboard full of sums, chalk in hand. He taps "
     "the last line, sighs and says, <S>Once more, from the top.<E> A boy in the first row lets "
     "his head sink onto the desk while the others laugh.",
     "Patient male voice, chalk on slate, children laughing."),
    ("A medium shot shows a mechanic in blue overalls under the open hood of an old truck, a lamp "
     "swinging above her. She pulls out a blackened part, holds it up and exclaims, <S>There you "
     "are!<E> Oil drips from it onto her sleeve.",
     "Clear female voice in a garage, a metallic clank, a slow drip."),
    ("An old man in a grey cardigan sits by a window with a chessboard on his knees. He moves a "
     "knight, leans back and says, <S>Your move, my friend.<E> The chair across from him is empty, "
     "and a clock ticks on the wall between two framed photographs.",
     "Frail, warm male voice, a ticking clock, a quiet room."),
    ("A singer in a red dress stands in a pool of light on a small stage, one hand on the "
     "microphone. She closes her eyes and sings, <S>Take me home before the morning.<E>, while "
     "behind her a pianist in a white shirt bends over the keys.",
     "Smoky female singing voice, slow piano, a murmuring audience."),
    ("A girl in a silver space suit walks over a red plain, two moons hanging low in the sky. She "
     "stops, kneels and picks up a small green leaf. She turns it in her glove and breathes, "
     "<S>It grows here.<E> Dust drifts past her helmet.",
     "Young female voice through a radio, her own breath, faint wind."),
    ("A waiter in a black vest balances four plates through a crowded restaurant. A child runs "
     "across his path; he spins, keeps every plate and calls out, <S>Careful down there!<E> The "
     "guests at the next table laugh and clap while he sets the plates down.",
     "Laughing male voice, cutlery, many voices, brief applause."),
    ("A storm rolls over a wheat field, the stalks bending in long waves. Lightning strikes a "
     "lone tree on the hill, and for a moment everything is white. Then the rain comes down and "
     "the colours sink to grey and brown, while a tin roof in the foreground begins to shine.",
     "Rolling thunder, a sharp crack, heavy rain on a tin roof."),
    ("A boy with a paper crown sits on a throne of cushions in a sunny attic. He raises a wooden "
     "spoon like a sceptre and declares, <S>Nobody goes to bed today.<E> His little dog barks and "
     "jumps up beside him, and dust rises from the cushions into the light.",
     "Proud child's voice, one bark, creaking boards."),
    ("A news presenter in a dark suit looks straight into the camera, a city at night on the "
     "screen behind her. She lays down her notes and says, <S>Good evening. Here is what we know "
     "so far.<E> A strip of light runs along the desk.",
     "Firm female voice, clean studio sound, a short signature tune."),
    ("A blacksmith with bare arms hammers a glowing bar in a dark forge, sparks flying past his "
     "face. He plunges it into water, waits for the steam to clear and mutters, <S>Good enough for "
     "a king.<E>. He hangs it on the wall.",
     "Hammer on iron, a long hiss, low male voice."),
    ("A couple dances on a rooftop at sunset, strings of bulbs around them. He whispers into her "
     "ear, <S>Stay a little longer.<E> She laughs, shakes her head and answers, <S>Ask me "
     "again.<E> The bulbs flicker on, one after the other.",
     "Low male voice, bright female laughter, a slow guitar."),
    ("A diver hangs in clear blue water above a coral reef, a ray gliding past below. He points at "
     "it, his eyes wide behind the mask, while a stream of bubbles rises to the surface. The light "
     "falls in shifting bands over the sand and the silver backs of passing fish.",
     "Slow breathing through a regulator, bubbles, a deep hum."),
    ("A young man in a striped shirt films himself on a busy bridge, holding the camera at arm's "
     "length. He grins and says, <S>Guess who finally got the job!<E> Behind him a cyclist rings "
     "her bell and rides on, and the river glitters under the evening sun.",
     "Excited male voice, traffic, a bicycle bell."),
    ("An abuela with silver braids stirs a large pot over a wood fire in a courtyard. She lifts "
     "the spoon to the camera and says, <S>Prueba esto, corazón.<E> A cat stretches on the warm "
     "stones beside the fire, and laundry moves in the wind.",
     "Warm, elderly female voice in Spanish, crackling fire, a rooster far away."),
    ("A judge with a white wig bangs a gavel in a crowded courtroom, dust dancing in the light of "
     "the tall windows. He leans forward and thunders, <S>Silence, all of you!<E> The crowd "
     "freezes; a lawyer slowly sits down again.",
     "Booming male voice, a gavel, a crowd that falls silent."),
    ("A robot with one round blue eye rolls through an empty museum at night. It stops before a "
     "marble statue, tilts its head and asks, <S>Are you switched off?<E> Its light wanders over "
     "the white face and the folded hands.",
     "Thin electronic voice, soft motor whirr, echoing hall."),
    ("A grandmother and a small boy lie on a blanket in the grass and look up at the stars. He "
     "points at the brightest one and says, <S>That one is mine.<E> She pulls the blanket over his "
     "shoulders and replies, <S>Then I take the one beside it.<E>",
     "A child's voice, an old woman's voice, crickets."),
]  # fmt: skip
"""Scene and audio caption of twenty prompts."""

TAGS = ["<S>", "<E>", "<AUDCAP>", "<ENDAUDCAP>", "Audio:"]

ODD_TAGS = {
    "<S>": ["<s>", "< S >", "＜S＞", "&lt;S&gt;", "[S]", "<S", "S>", "〈S〉", "&amp;lt;S&amp;gt;"],
    "<E>": ["<e>", "</S>", "</E>", "<\\S>", "<END>", "< E>", "&lt;E&gt;", "E>", "<E", "[E]"],
    "<AUDCAP>": ["<audcap>", "<AUDICAP>", "<AUDCAP", "AUDCAP>", "&lt;AUDCAP&gt;", "<AUD CAP>"],
    "<ENDAUDCAP>": ["</AUDCAP>", "<ENDAUDICAP>", "<endaudcap>", "<ENDAUDCAP", "<END>"],
    "Audio:": ["audio:", "AUDIO :", "Sound:", "Audio :", "Adio:", "Audio：", "sound effects:"],
}  # fmt: skip

ODD_PIECES = [
    " ", "  ", "\n", "\t", "\u00a0", "\u200b", "\u00ad", "\x1b[31m", "\x07", "\ufeff", "“", "”",
    "’", '"', "&quot;", "&amp;", "&nbsp;", "&#39;", "&lt;", "&ldquo;", "&#8203;", "&gt", "&copy;",
    "<SFX>", "<break>", "<sub1>", "🙂", "42", "1999", "$5", "100%", "NEVER", "STOP RIGHT NOW", "&",
    "(softly) ", "[soft whisper] ", "привет", "日本語", "é", "4k masterpiece", "www.example.com",
    '"Come here," she says.', 'He says "we should go now".', "*", "#", "<", ">", ":", "ʼ", "\u200d",
]  # fmt: skip


def base_prompt(number, form):
    """A prompt as it should be; `form` is `tagged` or `prefixed`."""
    scene, caption = SCENES[number % len(SCENES)]
    if form == "tagged":
        return f"{scene} <AUDCAP>{caption}<ENDAUDCAP>"
    return f"{scene} Audio: {caption}"


def damaged_prompt(chance: random.Random):
    """A prompt with one to five things wrong."""
    text = base_prompt(chance.randrange(len(SCENES)), chance.choice(["tagged", "prefixed"]))
    for _ in range(chance.choice([1, 1, 1, 2, 2, 3, 4, 5])):
        text = chance.choice(_DAMAGES)(text, chance)
    return text


def _places(text, tags=TAGS):
    """Where tags stand: (start, tag)."""
    found = []
    for tag in tags:
        start = text.find(tag)
        while start >= 0:
            found.append((start, tag))
            start = text.find(tag, start + 1)
    return found


def _some_tag(text, chance):
    places = _places(text)
    return chance.choice(places) if places else None


def drop_tag(text, chance):
    if (place := _some_tag(text, chance)) is None:
        return text
    start, tag = place
    return text[:start] + text[start + len(tag) :]


def double_tag(text, chance):
    if (place := _some_tag(text, chance)) is None:
        return text
    start, tag = place
    return text[:start] + tag + chance.choice(["", " ", "  "]) + text[start:]


def misspell_tag(text, chance):
    if (place := _some_tag(text, chance)) is None:
        return text
    start, tag = place
    return text[:start] + chance.choice(ODD_TAGS[tag]) + text[start + len(tag) :]


def swap_tag(text, chance):
    if (place := _some_tag(text, chance)) is None:
        return text
    start, tag = place
    return text[:start] + chance.choice(TAGS) + text[start + len(tag) :]


def move_tag(text, chance):
    if (place := _some_tag(text, chance)) is None:
        return text
    start, tag = place
    return insert(text[:start] + text[start + len(tag) :], tag, chance)


def insert_tag(text, chance):
    tag = chance.choice(TAGS)
    return insert(text, chance.choice([tag, *ODD_TAGS[tag]]), chance)


def insert_piece(text, chance):
    return insert(text, chance.choice(ODD_PIECES), chance)


def insert_caption(text, chance):
    words = chance.choice(["Soft rain.", "a distant bell", "", "Audio"])
    forms = [f" Audio: {words}", f" <AUDCAP>{words}<ENDAUDCAP> ", f" Sound: {words} "]
    return insert(text, chance.choice(forms), chance)


def append_text(text, chance):
    return text + chance.choice([" He nods.", ".", " <S>Yes.<E>", "\n", " The end", " Music: none"])


def empty_pair(text, chance):
    return insert(text, chance.choice([" <S><E> ", "<S> <E>", "<AUDCAP><ENDAUDCAP>"]), chance)


def drop_words(text, chance):
    start = chance.randrange(len(text) + 1)
    return text[:start] + text[start + chance.randrange(30) :]


def change_case(text, chance):
    start = chance.randrange(len(text) + 1)
    end = start + chance.randrange(40)
    changed = text[start:end].upper() if chance.random() < 0.5 else text[start:end].lower()
    return text[:start] + changed + text[end:]


def escape(text, chance):
    return (
        text.replace("<", "&lt;").replace(">", "&gt;")
        if chance.random() < 0.5
        else text.replace("'", "’")
    )


def repeat_part(text, chance):
    start = chance.randrange(len(text) + 1)
    end = start + chance.randrange(80)
    return text[:end] + text[start:]


def insert(text, piece, chance):
    place = chance.randrange(len(text) + 1)
    if chance.random() < 0.5:  # between words
        place = text.find(" ", place) if text.find(" ", place) >= 0 else place
    return text[:place] + piece + text[place:]


_DAMAGES = [
    drop_tag, drop_tag, double_tag, misspell_tag, misspell_tag, swap_tag, move_tag, insert_tag,
    insert_piece, insert_piece, insert_caption, append_text, empty_pair, drop_words, change_case,
    escape, repeat_part,
]  # fmt: skip
