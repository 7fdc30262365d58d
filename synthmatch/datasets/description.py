"""What a data set is: ``dataset.json``, read and written through one checked schema."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, get_args

from .._files import atomic
from .._version import __version__
from ..errors import DatasetError, ParameterError
from ..parameters import ParameterSpace
from ..settings import Setting, Source
from ..synth import backend_info
from .batches import Split, render
from .encoding import Encoding

FORMAT = "synthmatch-dataset"
VERSION = 2
FILE = "dataset.json"

_MOST_SOUNDS = 1 << 40
_MOST_IN_SHARD = 1 << 16
_MOST_SAMPLES = 1 << 30  # of a shard: 4 GB in memory
_MOST_SEED = (1 << 128) - 1


@dataclasses.dataclass(frozen=True)
class Description:
    """What decides every byte of the shards of a data set.

    Attributes
    ----------
    setting : Setting
        What is rendered.
    space : ParameterSpace
        Its free parameters are the columns of vectors.
    sounds, shard : int
        How many in all, and in each shard but the last.
    seed, split
        The stream of shard ``k`` is number ``k`` of that split of the seed.
    encoding : {"flac", "float16"}
        Of the audio.
    gate : float or None
        Level in dB under which sounds were drawn again.
    backend : mapping
        What played, for synths that can be played by different things.

    Raises
    ------
    ParameterError
        If a value is of the wrong type or out of bounds.
    """

    setting: Setting
    space: ParameterSpace
    sounds: int
    shard: int
    seed: int
    split: Split
    encoding: Encoding
    gate: float | None
    backend: Mapping[str, str]

    def __post_init__(self) -> None:
        _whole("number of sounds", self.sounds, 1, _MOST_SOUNDS)
        _whole("number of sounds in a shard", self.shard, 1, _MOST_IN_SHARD)
        _whole("seed", self.seed, 0, _MOST_SEED)
        if min(self.shard, self.sounds) * self.setting.samples > _MOST_SAMPLES:
            raise ParameterError("a shard of these sounds is too large; take fewer to a shard")
        for what, value, choices in (
            ("split", self.split, get_args(Split)),
            ("encoding", self.encoding, get_args(Encoding)),
        ):
            if not isinstance(value, str) or value not in choices:
                raise ParameterError(
                    f"the {what} is one of {', '.join(choices)}, not {str(value)[:40]!r}"
                )
        if self.gate is not None and (
            isinstance(self.gate, bool)
            or not isinstance(self.gate, (int, float))
            or not -1e6 < self.gate < 1e6
        ):
            raise ParameterError(
                f"the gate is a level in dB, such as -60, not {str(self.gate)[:40]}"
            )
        if not isinstance(self.backend, Mapping) or not all(
            isinstance(text, str) for pair in self.backend.items() for text in pair
        ):
            raise ParameterError("the backend of a data set is a mapping of texts")
        if self.space.synth != self.setting.synth or not len(self.space):
            raise ParameterError(
                f"a space of {self.space.synth[:40]!r} is no space of {self.setting.synth[:40]!r}"
            )

    @classmethod
    def of(
        cls,
        source: Source,
        sounds: int,
        shard: int,
        seed: int,
        split: Split,
        encoding: Encoding,
        gate: float | None,
    ) -> Description:
        """Return the description of what a source renders."""
        space, setting = source.synth.space, source.setting
        return cls(setting, space, sounds, shard, seed, split, encoding, gate, backend_of(source))

    @property
    def shards(self) -> int:
        """How many shards there are."""
        return -(-self.sounds // self.shard)

    def rows(self, shard: int) -> int:
        """Return how many sounds a shard has."""
        return min(self.shard, self.sounds - shard * self.shard)

    def to_dict(self) -> dict[str, Any]:
        """Return what ``dataset.json`` holds, beside its format."""
        return {
            "setting": self.setting.to_dict(),
            "space": self.space.to_dict(),
            "sounds": self.sounds,
            "shard": self.shard,
            "seed": self.seed,
            "split": self.split,
            "encoding": self.encoding,
            "gate": self.gate,
            "backend": dict(self.backend),
        }

    def unlike(self, other: Description) -> list[str]:
        """Return the names of the fields that differ, as they are stored."""
        mine, theirs = (json.loads(json.dumps(d.to_dict())) for d in (self, other))
        return [name for name in mine if mine[name] != theirs[name]]

    @property
    def digest(self) -> str:
        """A short hash of everything."""
        text = json.dumps(self.to_dict(), sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    def write(self, folder: Path) -> None:
        """Write ``dataset.json``."""
        content = {
            "format": FORMAT,
            "version": VERSION,
            "synthmatch": __version__,
            **self.to_dict(),
        }
        with atomic(folder / FILE) as temporary:
            temporary.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


def backend_of(source: Source) -> dict[str, str]:
    """Return what plays a source, as far as it decides the sound: where it lies does not.

    It plays a sound first, since a plug-in knows its version only once it has played.
    """
    if backend_info(source.synth):
        render(source, source.synth.space.encode({})[None])
    return {name: text for name, text in backend_info(source.synth).items() if name != "path"}


def read_description(folder: Path) -> Description:
    """Return the description of the data set in a folder.

    Raises
    ------
    DatasetError
        If it is missing, damaged, foreign, or of another format.
    """
    file = folder / FILE
    if not file.is_file():
        raise DatasetError(f"{folder} is not a data set: it has no {FILE}")
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise DatasetError(f"{file} is not readable JSON ({error})") from None
    if not isinstance(found, dict) or found.get("format") != FORMAT:
        raise DatasetError(f"{file} does not describe a synthmatch data set")
    if found.get("version") != VERSION:
        raise DatasetError(
            f"{folder} has data set format {str(found.get('version'))[:20]}, this synthmatch "
            f"reads {VERSION}; render it again, or upgrade synthmatch"
        )
    names = [field.name for field in dataclasses.fields(Description)]
    missing = [name for name in names if name not in found]
    if missing:
        raise DatasetError(f"{folder} describes its data set wrongly: it lacks {missing[0]!r}")
    try:
        setting = Setting.from_dict(found["setting"])
        space = ParameterSpace.from_dict(found["space"])
        fields = {name: found[name] for name in names}
        return Description(**{**fields, "setting": setting, "space": space})
    except ParameterError as error:
        raise DatasetError(f"{folder} describes its data set wrongly: {error}") from None
    except (TypeError, ValueError, ArithmeticError, AttributeError, RecursionError):
        raise DatasetError(f"{folder} describes its data set wrongly; render it again") from None


def _whole(what: str, value: object, low: int, high: int) -> None:
    if isinstance(value, bool) or not isinstance(value, int):
        raise ParameterError(f"the {what} is a whole number, not {repr(value)[:40]}")
    if value < low:
        raise ParameterError(f"the {what} is at least {low}")
    if value > high:
        raise ParameterError(f"the {what} is at most {high:,}")
