"""Tokenizers of SMILES: made from a vocabulary alone, and checked for what they can spell.

Many chemical language models come with a ``vocab.txt`` of SMILES tokens and no other file of a
tokenizer (DeepChem's SmilesTokenizer, Schwaller et al. 2019): what splits a SMILES is code that is
not in the folder. ``transformers`` takes such a file for one of word pieces and makes one unknown
token of a whole molecule.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from molw2s.errors import InvalidInput

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

_ROLES = {
    "unk_token": ("[UNK]", "<unk>", "[unk]"),
    "pad_token": ("[PAD]", "<pad>", "[pad]"),
    "cls_token": ("[CLS]", "<s>", "<bos>", "[BOS]"),
    "sep_token": ("[SEP]", "</s>", "<eos>", "[EOS]"),
    "mask_token": ("[MASK]", "<mask>", "[mask]"),
}
_ALWAYS_THERE = {"C", "N", "O", "(", ")", "="}
_UNBOUNDED = 10**9

# A tokenizer that does not know these letters is none of SMILES; one that lacks rarer elements is,
# and molecules that have them are counted.
_ORDINARY = ("CCO", "CC(=O)N", "c1ccccc1O", "C1CCCCC1O", "CC#N")
_PHENOL, _CYCLOHEXANOL = 2, 3


def smiles_vocabulary(folder: Path) -> list[str] | None:
    """Tokens by id of a ``vocab.txt`` of SMILES tokens; None where there is none, or it is one of
    word pieces."""
    try:
        text = (folder / "vocab.txt").read_text(encoding="utf-8-sig")
    except (OSError, ValueError):
        return None
    tokens = [line.strip() for line in text.splitlines()]
    pieces = any(token.startswith("##") for token in tokens)
    return tokens if set(tokens) >= _ALWAYS_THERE and not pieces else None


def regex_tokenizer(folder: Path, tokens: Sequence[str]) -> PreTrainedTokenizerBase:
    """A tokenizer that splits a SMILES into atoms, bonds, branches and rings of a vocabulary.

    A bracket atom is one token, or where the vocabulary has brackets of their own and not this
    atom, one a letter. What the vocabulary lacks is unknown.

    Raises
    ------
    InvalidInput
        If the vocabulary has no token for what is unknown, or none to pad with.
    """
    from tokenizers import Regex, Tokenizer, models, pre_tokenizers, processors
    from transformers import PreTrainedTokenizerFast

    ids = {token: number for number, token in enumerate(tokens)}
    stated = _stated(folder)
    roles: dict[str, str] = {}
    for role, usual in _ROLES.items():
        there = [each for each in (stated.get(role), *usual) if each in ids]
        roles |= {role: there[0]} if there else {}
    if lacking := [role for role in ("unk_token", "pad_token") if role not in roles]:
        raise InvalidInput(
            f"{folder / 'vocab.txt'} has no {lacking[0]}, such as {_ROLES[lacking[0]][0]}"
        )
    tokenizer = Tokenizer(models.WordLevel(ids, unk_token=roles["unk_token"]))
    pattern = Regex(_pattern(set(tokens) - set(roles.values())))
    tokenizer.pre_tokenizer = pre_tokenizers.Split(pattern, behavior="isolated")
    ends = [roles.get("cls_token"), "$A", roles.get("sep_token")]
    tokenizer.post_processor = processors.TemplateProcessing(
        single=" ".join(each for each in ends if each),
        special_tokens=[(each, ids[each]) for each in (ends[0], ends[2]) if each],
    )
    longest = stated.get("model_max_length", stated.get("max_len"))
    bounded = isinstance(longest, int) and longest < _UNBOUNDED
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, **roles, **({"model_max_length": longest} if bounded else {})
    )


def check_spelling(
    tokenizer: PreTrainedTokenizerBase, spell: Callable[[Sequence[str]], list[str]]
) -> None:
    """Raise InvalidInput if a tokenizer cannot spell ordinary SMILES.

    Parameters
    ----------
    spell
        What is done to SMILES before they are given to the tokenizer.
    """
    texts = spell(_ORDINARY)
    found = [tokenizer(text)["input_ids"] for text in texts]
    strange = [text for text, bad in zip(texts, not_spelled(tokenizer, texts, found)) if bad]
    if strange:
        raise InvalidInput(
            f"the tokenizer cannot spell ordinary SMILES: {', '.join(strange)} would be unknown "
            "tokens. Is it one of another notation, or of a language? For a vocabulary of SMILES "
            "tokens put vocab.txt beside config.json and take tokenizer.json away"
        )
    if found[_PHENOL] == found[_CYCLOHEXANOL]:
        raise InvalidInput(
            f"the tokenizer does not tell {texts[_PHENOL]} from {texts[_CYCLOHEXANOL]}: it takes "
            "capital and small letters for the same, which in SMILES are aliphatic and aromatic "
            'atoms. In tokenizer_config.json say "do_lower_case": false'
        )


def not_spelled(
    tokenizer: PreTrainedTokenizerBase, texts: Sequence[str], tokens: Sequence[Sequence[int]]
) -> NDArray[np.bool_]:
    """(n,) whether a text's ``tokens`` hold the unknown one, or leave out a part of the text, as a
    tokenizer does whose model below has no unknown token."""
    model = getattr(getattr(tokenizer, "backend_tokenizer", None), "model", None)
    below = getattr(model, "unk_token", None)
    stated = None if below is None else tokenizer.get_vocab().get(below)
    unknown = {tokenizer.unk_token_id, stated} - {None}
    strange = np.array([not unknown.isdisjoint(ids) for ids in tokens], bool)
    if model is None or below is not None:
        return strange
    places = tokenizer(list(texts), return_offsets_mapping=True, verbose=False)["offset_mapping"]
    covered = [len({at for ends in each for at in range(*ends)}) for each in places]
    return strange | np.array([some < len(text) for some, text in zip(covered, texts)], bool)


def _pattern(tokens: set[str]) -> str:
    """What is one token, longest first; other characters are one each."""
    known = sorted((each for each in tokens if each), key=lambda each: (-len(each), each))
    plain = [each for each in known if not _is_element(each)]
    # "Sc" is scandium only in brackets: elsewhere it is a sulfur and a carbon.
    inside = [each for each in known if _is_element(each)]
    atom = [] if "[" in tokens else [r"\[[^\[\]]+\]"]
    elements = [rf"(?<=\[|\d)(?:{'|'.join(inside)})"] if inside else []
    return "|".join([*elements, *map(re.escape, plain), *atom, "Br", "Cl", r"%\d\d"])


def _is_element(token: str) -> bool:
    return token not in ("Br", "Cl") and re.fullmatch("[A-Z][a-z]|[a-z]{2}", token) is not None


def _stated(folder: Path) -> dict[str, Any]:
    """What the folder says of special tokens and length, whichever file says it."""
    found: dict[str, Any] = {}
    for name in ("tokenizer_config.json", "special_tokens_map.json"):
        try:
            content = json.loads((folder / name).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            continue
        if isinstance(content, dict):
            found |= {
                key: value["content"] if isinstance(value, dict) and "content" in value else value
                for key, value in content.items()
            }
    return {key: value for key, value in found.items() if isinstance(value, str | int)}
