"""Under which licence an encoder may be used, as far as it says."""

from __future__ import annotations

from pathlib import Path

import yaml

from molw2s.encoders.base import Encoder

UNKNOWN = "unknown"


def licence_of(encoder: Encoder) -> str:
    """What the encoder's ``licence`` says, such as "mit"; "unknown" where it says nothing."""
    said = getattr(encoder, "licence", "")
    return said.strip() or UNKNOWN if isinstance(said, str) else UNKNOWN


def card_licence(folder: Path) -> str:
    """``license`` of the model card, README.md as on the Hugging Face hub; empty without one."""
    try:
        _, front_matter, _ = (folder / "README.md").read_text(encoding="utf-8").split("---\n", 2)
        card = yaml.safe_load(front_matter)
    except (OSError, ValueError, yaml.YAMLError):
        return ""
    said = card.get("license") if isinstance(card, dict) else None
    several = said if isinstance(said, list) else [said]
    return ", ".join(each for each in several if isinstance(each, str))
