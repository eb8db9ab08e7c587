"""The words that faces say, and how long each takes.

Chosen from 86 candidates by how well pocketsphinx told them apart in both voices: see docs/nano.md.
"""

WORD_GAP_SECONDS = 0.05
"""Of silence between two words."""

VOCABULARY: dict[str, float] = {
    "backward": 0.57,
    "balloon": 0.48,
    "banana": 0.54,
    "castle": 0.55,
    "circle": 0.57,
    "city": 0.46,
    "coffee": 0.51,
    "dragon": 0.49,
    "english": 0.52,
    "forward": 0.56,
    "garden": 0.5,
    "golden": 0.55,
    "guitar": 0.51,
    "happy": 0.52,
    "kitchen": 0.48,
    "lemon": 0.44,
    "monkey": 0.55,
    "morning": 0.5,
    "music": 0.51,
    "ocean": 0.48,
    "orange": 0.47,
    "pizza": 0.54,
    "planet": 0.49,
    "rabbit": 0.5,
    "robot": 0.52,
    "rocket": 0.52,
    "square": 0.54,
    "tiger": 0.45,
    "tomorrow": 0.55,
    "violet": 0.55,
    "water": 0.44,
    "welcome": 0.57,
    "window": 0.55,
    "yellow": 0.51,
    "yes": 0.42,
    "zero": 0.54,
}
"""Word -> seconds in the slower voice, rounded up."""
