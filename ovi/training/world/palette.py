"""Names and sRGB values of everything that has a colour in the nano world."""

Rgb = tuple[int, int, int]

COLOURS: dict[str, Rgb] = {
    "red": (225, 45, 45),
    "orange": (246, 140, 28),
    "yellow": (250, 218, 55),
    "green": (62, 186, 82),
    "blue": (50, 102, 236),
    "purple": (152, 66, 206),
    "pink": (250, 142, 192),
    "white": (244, 244, 244),
}
"""Of the objects."""

BACKGROUNDS: dict[str, Rgb] = {
    "black": (24, 24, 28),
    "grey": (112, 116, 122),
    "dark blue": (24, 34, 88),
    "light blue": (130, 182, 222),
    "dark green": (20, 66, 44),
    "brown": (84, 57, 38),
}
"""Of the wall; the floor is a darker shade of it."""

FACE_BACKGROUNDS = ("grey", "dark blue", "light blue", "dark green")
"""The walls in front of which every skin and hair colour stands out."""

SKINS: dict[str, Rgb] = {
    "pale": (250, 220, 200),
    "tan": (212, 156, 112),
    "dark": (140, 90, 60),
}

HAIRS: dict[str, Rgb] = {
    "black": (32, 28, 28),
    "brown": (86, 48, 22),
    "blond": (234, 200, 104),
    "red": (184, 76, 34),
}

HATS: dict[str, Rgb] = {
    "red": (214, 44, 44),
    "blue": (44, 92, 220),
    "green": (48, 156, 70),
}

SHIRT: Rgb = (74, 80, 96)
EYE_WHITE: Rgb = (246, 246, 246)
PUPIL: Rgb = (28, 28, 32)
LIPS: Rgb = (190, 70, 78)
MOUTH_INSIDE: Rgb = (84, 14, 26)
