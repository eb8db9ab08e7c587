"""What a clip will look and sound like, while it is denoised: small, cheap and approximate."""
