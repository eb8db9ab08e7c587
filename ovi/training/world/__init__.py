"""The nano world: a procedural generator of short clips with sound and captions."""
