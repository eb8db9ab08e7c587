"""The studio around the engine: write, check, queue and watch. Never imports tensors itself."""
