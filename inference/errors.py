"""What can go wrong in this room, split by what the caller does.

InferenceError
├── PackError               a model pack is missing or damaged, answers wrongly or fails: show it, do not start
├── DeviceStuck             the inference device does not answer: show it, try again later (at the start: do not start)
└── ModuleError             a country module file is wrong: show it, go on without the file

SourceError
├── SourceUnreachable   try again soon (network, time-out, a stream that broke)
├── SourceRefused       the login is wrong: ask seldom, cameras lock accounts
├── SourceUnsupported   it answers, but not with pictures: show it, try again seldom
└── SourceEnded         a file or a folder came to its end: nothing is wrong
"""

from __future__ import annotations


class InferenceError(Exception):
    """Recognition cannot be set up; the message names the cause and the cure."""


class PackError(InferenceError):
    """A model pack cannot be used."""


class DeviceStuck(InferenceError):
    """The inference device gives no answer."""


class ModuleError(InferenceError):
    """A country module cannot be used."""


class SourceError(Exception):
    """A source gives no pictures; the text names the cause and the cure, never a password."""


class SourceUnreachable(SourceError):
    """The camera or its stream is away for now."""


class SourceRefused(SourceError):
    """The camera refused the login."""


class SourceUnsupported(SourceError):
    """What answers there is not a picture stream we can read."""


class SourceEnded(SourceError):
    """The recording is over."""
