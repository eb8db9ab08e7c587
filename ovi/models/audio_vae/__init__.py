"""The audio VAE: waveform to log-mel spectrogram, and that to audio latents and back."""
