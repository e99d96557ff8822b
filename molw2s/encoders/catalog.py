"""Encoders by name: registered ones, those in ``models/``, a local folder, or a hub checkpoint."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from molw2s.encoders.base import Encoder
from molw2s.errors import InvalidInput, UnknownName
from molw2s.locations import shipped
from molw2s.registry import Registry

ENCODERS: Registry[Callable[..., Encoder]] = Registry("encoder", "molw2s.encoders")
WEAK_HIDDEN_SIZES = (8, 12, 16, 24, 32, 48, 64, 96)


def register_encoder(name: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Decorator: make ``get_encoder(name)`` call the decorated class or function.

    Raises
    ------
    AlreadyRegistered
        If the name is taken.
    """

    def add(factory: Callable[..., Any]) -> Callable[..., Any]:
        ENCODERS.register(name)(factory)
        return factory

    return add


def get_encoder(name: str | Path, *, trust_remote_code: bool = False, **options: Any) -> Encoder:
    """The encoder called ``name``.

    Parameters
    ----------
    name : str
        A registered name ("ecfp4"), an encoder in ``models/`` ("weak-h32"), a path to a folder in
        the Hugging Face layout, or a checkpoint on the hub ("seyonec/ChemBERTa-zinc-base-v1");
        "mine=..." gives any of these a name of one's own.
    trust_remote_code : bool
        Run the Python files that a checkpoint in a folder or on the hub brings along.
    options
        For checkpoints: ``pooling``, ``layers``, ``spelling``, ``precision``. Else what the
        factory takes.

    Raises
    ------
    UnknownName
        With the nearest names, if there is no such encoder.
    InvalidInput
        If what the name stands for is no encoder, or a hub checkpoint cannot be had.
    """
    name = str(name)
    called, equals, whose = (part.strip() for part in name.partition("="))
    if equals and name not in ENCODERS and not Path(name).is_dir():
        if not called:
            raise InvalidInput(f"encoder {name!r}: a name is missing before '='")
        encoder = get_encoder(whose, trust_remote_code=trust_remote_code, **options)
        encoder.name = called
        return encoder
    if name in ENCODERS:
        encoder = ENCODERS[name](**options)
        if not hasattr(encoder, "name"):
            encoder.name = name
        if not isinstance(encoder, Encoder):
            raise InvalidInput(
                f"encoder {name!r} is {type(encoder).__name__}, which lacks dim or encode"
            )
        return encoder
    path = Path(name)
    if path.is_dir():
        return _checkpoint(path, trust_remote_code=trust_remote_code, **options)
    if path.parts[0] == "models" and (shipped("models") / path.name).is_dir():
        return _checkpoint(shipped("models") / path.name, **options)
    if name.startswith((".", "~")) or path.is_absolute():
        raise UnknownName(f"encoder {name!r}: there is no such folder")
    if name.count("/") == 1:
        folder = _from_hub(name, trust_remote_code)
        return _checkpoint(folder, name=name, trust_remote_code=trust_remote_code, **options)
    ENCODERS[name]  # raises with the nearest names
    raise UnknownName(name)


def _checkpoint(folder: Path, **options: Any) -> Encoder:
    from molw2s.encoders.transformer import TransformerEncoder

    return TransformerEncoder(folder, **options)


def _from_hub(name: str, trust_remote_code: bool) -> Path:
    from huggingface_hub import snapshot_download

    wanted = [
        "*.json",
        "*.txt",
        "*.safetensors",
        "*.model",
        "README.md",
        *(["*.py"] * trust_remote_code),
    ]
    try:
        folder = Path(snapshot_download(name, allow_patterns=wanted))
        if not list(folder.glob("*.safetensors")):
            folder = Path(snapshot_download(name, allow_patterns=[*wanted, "pytorch_model*.bin"]))
    except Exception as error:  # what a broken network raises depends on the HTTP client below
        raise InvalidInput(
            f"{name!r} is neither a registered encoder ({', '.join(ENCODERS.names())}) nor a "
            f"folder, and cannot be fetched from the Hugging Face hub: {error}"
        ) from error
    return folder


@register_encoder("ecfp4")
def _ecfp4(**options: Any) -> Encoder:
    from molw2s.encoders.descriptors import MorganCounts

    return MorganCounts(**options)


@register_encoder("rdkit")
def _rdkit() -> Encoder:
    from molw2s.encoders.descriptors import RDKitDescriptors

    return RDKitDescriptors()


@register_encoder("rdkit-cdf")
def _rdkit_cdf() -> Encoder:
    from molw2s.encoders.descriptors import DescriptorQuantiles

    return DescriptorQuantiles()


def _register_shipped(folder: Path) -> None:
    @register_encoder(folder.name)
    def make(**options: Any) -> Encoder:
        return _checkpoint(folder, **options)


def _register_untrained(hidden_size: int) -> None:
    name = f"random-h{hidden_size}"

    @register_encoder(name)
    def make(seed: int = 0) -> Encoder:
        from molw2s.encoders.untrained import UntrainedEncoder

        return UntrainedEncoder(shipped("models") / f"weak-h{hidden_size}", name, seed)


def is_ours(name: str) -> bool:
    """Whether molw2s registers this name itself, and no plug-in or program does."""
    return name in _OURS


def shipped_names() -> list[str]:
    """The encoders in ``models/``, weak-h8 before weak-h12."""
    names = [path.parent.name for path in shipped("models").glob("*/config.json")]
    return sorted(names, key=lambda name: (len(name), name))


for name in shipped_names():
    _register_shipped(shipped("models") / name)
for size in WEAK_HIDDEN_SIZES:
    _register_untrained(size)
_OURS = frozenset(ENCODERS.registered())
"""What is registered here."""
