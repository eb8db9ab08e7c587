"""The Ovi engine: a prompt, and perhaps a first frame, in; a clip with picture and sound out."""

__version__ = "0.1.0.dev0"
