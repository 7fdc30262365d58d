"""The errors synthmatch raises on purpose.

Every message is one line that says what is wrong and what to do about it.
Catch :class:`SynthmatchError` to catch them all.
"""

from __future__ import annotations


class SynthmatchError(Exception):
    """Base class of all errors that synthmatch raises on purpose."""


class ParameterError(SynthmatchError):
    """A parameter, value, vector, patch or note does not fit its definition."""


class RegistryError(SynthmatchError):
    """A synth or model name is unknown, claimed twice, or fails to load."""


class AudioError(SynthmatchError):
    """A recording cannot be read or is not usable as a target."""


class SearchError(SynthmatchError):
    """A search cannot begin as it was asked for: its method, budget, space or objective."""


class PresetError(SynthmatchError):
    """A preset file cannot be read, written, or is of another format."""


class StartsError(SynthmatchError):
    """An index of starts is damaged, of another synth or prior, or cannot be written."""


class WeightsError(SynthmatchError):
    """A model folder is corrupted, foreign, or does not fit the synth."""


class DatasetError(SynthmatchError):
    """A data set is damaged, unfinished, of another plan, or cannot be written."""


class TrainingError(SynthmatchError):
    """A training run diverges, is of another plan, or cannot go on."""


class DeviceError(SynthmatchError):
    """A device to compute on is unknown, or not here."""


class OutputError(SynthmatchError):
    """A file that is asked for cannot be written: it exists, is an input, or is no file."""


class BusyError(SynthmatchError):
    """Another process is at work on the same files."""


class HostingError(SynthmatchError):
    """A plug-in cannot be found, loaded, programmed or rendered."""


class SynthmatchWarning(UserWarning):
    """Base class of all warnings that synthmatch gives on purpose: one line for people."""


class PresetWarning(SynthmatchWarning):
    """A preset file was read or written, but something in it had to be mended or left out."""


class StartsWarning(SynthmatchWarning):
    """An index of starts cannot be used, and is left out."""


class ModelWarning(SynthmatchWarning):
    """An installed model cannot be used, and is left out."""


class TrainingWarning(SynthmatchWarning):
    """Training goes on, but probably not to its end."""


class RegistryWarning(SynthmatchWarning):
    """An installed package is broken and left out."""


class HostingWarning(SynthmatchWarning):
    """A plug-in failed on some sounds, or altogether, and something else took their place."""
