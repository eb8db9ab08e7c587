"""Moments in a device's work that another stream, or the host, can wait for.

Where there are no streams, on a CPU, all work is done when it has been asked for, and a moment is
always past.
"""

import torch


class Moment:
    """The point up to which a stream had been given work when `mark` was last called."""

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self._event = torch.cuda.Event() if device.type == "cuda" else None

    def mark(self) -> None:
        """Now, on the current stream."""
        if self._event is not None:
            self._event.record(torch.cuda.current_stream(self._device))

    def wait(self) -> None:
        """What the current stream is given next comes after the moment; the host does not wait."""
        if self._event is not None:
            self._event.wait(torch.cuda.current_stream(self._device))

    def wait_on_host(self) -> None:
        """Returns once the moment is past; at once if it was never marked."""
        if self._event is not None:
            self._event.synchronize()
