"""Errors of the studio, and the exit codes of the command line.

    StudioError
    |-- UsageError            the command line or a configuration file asks for something impossible
    |-- PromptFileError       a prompt set cannot be read or written
    |-- QueueError            the queue cannot be opened or a move between states is not allowed
    |   `-- UnknownJobError   it has no job of that number, or none any more
    |-- WorkerError           the worker process could not be started or was lost
    `-- MissingExtraError     an optional part is not installed; the message has the command

Each message names the thing, the place and the remedy.
"""

from enum import IntEnum


class ExitCode(IntEnum):
    """What the process returns."""

    OK = 0
    """all done; nothing found"""
    FAILED = 1
    """findings, or clips that failed"""
    USAGE = 2
    """the command line or a configuration is wrong"""
    INTERRUPTED = 130
    """Ctrl-C"""


class StudioError(Exception):
    """Base of all errors with a message meant for the user."""

    exit_code = ExitCode.FAILED


class UsageError(StudioError):
    """Something asked for on the command line or in a configuration file is impossible."""

    exit_code = ExitCode.USAGE


class PromptFileError(StudioError):
    """A prompt set cannot be read or written."""

    exit_code = ExitCode.USAGE


class QueueError(StudioError):
    """The queue cannot be opened, or a job cannot move to the state asked for."""


class UnknownJobError(QueueError):
    """There is no job of that number, or not any more."""


class WorkerError(StudioError):
    """A worker process could not be started, or ended without a word."""


class MissingExtraError(StudioError):
    """An optional part of the installation is missing."""

    exit_code = ExitCode.USAGE
