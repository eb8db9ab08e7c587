"""`ovi version`: what is installed."""


def version() -> int:
    """Show the versions of this program, Python and torch."""
    import platform
    from importlib import metadata

    import ovi
    from ovi_studio.cli.following import write_result

    try:
        torch = metadata.version("torch")
    except metadata.PackageNotFoundError:
        torch = 'not installed (pip install "ovi-studio[engine]")'
    write_result(f"ovi {ovi.__version__}\npython {platform.python_version()}\ntorch {torch}")
    return 0
