"""LoRA training on a folder of clips: captions, latents, adapters, and the command."""
