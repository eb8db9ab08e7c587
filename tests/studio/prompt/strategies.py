"""Prompt texts for property tests: ordinary words, tags in every spelling, and any Unicode."""

from hypothesis import strategies as st

EXACT_TAGS = ["<S>", "<E>", "<AUDCAP>", "<ENDAUDCAP>", "Audio:"]
ODD_TAGS = [
    "</S>", "</E>", "<\\S>", "<END>", "<s>", "< E >", "＜S＞", "〈E〉", "&lt;S&gt;", "[S]", "<>",
    "&amp;lt;E&gt;", "<ENDAUDICAP>", "</AUDCAP>", "<audcap>", "<AUDCAP", "<S", "E>", "AUDCAP>",
    "<<S>>", "<SFX>", "<break time=1s/>", "audio:", "AUDIO :", "Sound:", "Audio：", "Adio:",
]  # fmt: skip
PLAIN = [
    "a", "man says", ". ", " ", "\n", ",", "<", ">", ":", "&", "&lt;", '"', "S", "E", "\u200b",
    "日本語", "é",
]  # fmt: skip

pieces = st.one_of(
    st.sampled_from(EXACT_TAGS),
    st.sampled_from(EXACT_TAGS + ODD_TAGS),
    st.sampled_from(PLAIN),
    st.text(max_size=5),
)
tagged_texts = st.lists(pieces, max_size=24).map("".join)
"""Texts dense in tags: the hard cases within a few pieces."""

any_texts = st.one_of(tagged_texts, st.text(st.characters(), max_size=200))
