"""How models run: devices, loading, weight storage, residency. Never what they compute."""
