"""An atom-level SMILES tokenizer that can spell every SMILES.

Frequent bracket atoms ("[nH]", "[C@@H]") and the organic subset are one token each; any other
bracket atom is spelled out ("[", "Sc", "+", "3", "]"). Nothing valid is ever unknown, and decoding
gives back the very same string.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray
from rdkit import Chem
from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, processors
from transformers import PreTrainedTokenizerFast

SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
ORGANIC = ["B", "C", "N", "O", "P", "S", "F", "Cl", "Br", "I", "b", "c", "n", "o", "p", "s", "*"]
PUNCTUATION = [*"()=#$:/\\.-+@%~", "@@", *"0123456789"]
BRACKETS = ["[", "]", "H"]

_ELEMENTS = [Chem.GetPeriodicTable().GetElementSymbol(number) for number in range(1, 119)]
_INSIDE = sorted({*_ELEMENTS, "se", "as", "te", "si"} - {*ORGANIC, *BRACKETS})
_BRACKET_ATOM = re.compile(r"\[[^\[\]]+\]")


def train_tokenizer(
    smiles: Iterable[str], min_count: int = 100, max_length: int = 128
) -> PreTrainedTokenizerFast:
    """A fast tokenizer whose vocabulary holds every bracket atom seen ``min_count`` times or more.

    The order of the vocabulary depends on the counts alone, so the same corpus gives the same ids.
    """
    counts = Counter(atom for text in smiles for atom in _BRACKET_ATOM.findall(text))
    frequent = sorted(
        (atom for atom, count in counts.items() if count >= min_count),
        key=lambda atom: (-counts[atom], atom),
    )
    vocabulary = [*SPECIAL, *ORGANIC, *PUNCTUATION, *BRACKETS, *frequent, *_INSIDE]
    ids = {token: index for index, token in enumerate(vocabulary)}

    outside = sorted([*ORGANIC, *PUNCTUATION, *BRACKETS, *frequent], key=len, reverse=True)
    # "Sc" is scandium only after "[" and an isotope number: elsewhere it is a sulfur and a carbon.
    inside = "|".join(sorted(_INSIDE, key=len, reverse=True))
    pattern = rf"(?<=\[|\[\d|\[\d\d|\[\d\d\d)(?:{inside})|" + "|".join(map(re.escape, outside))

    tokenizer = Tokenizer(models.WordLevel(ids, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Split(Regex(pattern), behavior="isolated")
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]",
        pair="[CLS] $A [SEP] $B:1 [SEP]:1",
        special_tokens=[("[CLS]", ids["[CLS]"]), ("[SEP]", ids["[SEP]"])],
    )
    tokenizer.decoder = decoders.Fuse()
    return as_pretrained(tokenizer, max_length)


def as_pretrained(tokenizer: Tokenizer, max_length: int) -> PreTrainedTokenizerFast:
    """With the names of the special tokens, as transformers wants it."""
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        model_max_length=max_length,
        pad_token="[PAD]",
        unk_token="[UNK]",
        cls_token="[CLS]",
        sep_token="[SEP]",
        mask_token="[MASK]",
        clean_up_tokenization_spaces=False,
    )


def names_atom(tokenizer: PreTrainedTokenizerFast) -> NDArray[np.bool_]:
    """(vocabulary,) whether a token stands for an atom; a spelled-out bracket has one that does."""
    tokens = tokenizer.convert_ids_to_tokens(list(range(len(tokenizer))))
    others = {*SPECIAL, *PUNCTUATION, *BRACKETS}
    return np.array([token not in others for token in tokens])
