"""The vocoder: log-mel spectrogram to waveform (BigVGAN)."""
