"""Pure tensor functions: attention and rotary positions."""
