"""The video VAE: frames to latents and back (Wan2.2)."""
