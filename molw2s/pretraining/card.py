"""The model card: what an encoder is, what it saw, and what it learnt."""

from __future__ import annotations

from typing import Any


def model_card(name: str, record: dict[str, Any]) -> str:
    """Markdown with Hugging Face front matter, from the training record alone."""
    recipe = record["recipe"]
    shape, settings = recipe["architecture"], recipe["optimisation"]
    tokenization, objectives = recipe["tokenization"], recipe["objectives"]
    held_out = record["held_out"]
    accuracy = f"{held_out['token_accuracy']:.1%}"
    corpus = "".join(
        f"| {part['name']} | {part['molecules']:,} | `{part['sha256']}` |\n"
        for part in record["corpus"]
    )
    intermediate = shape["intermediate_size"] or 4 * shape["hidden_size"]
    return f"""---
library_name: transformers
license: mit
tags: [chemistry, SMILES, molw2s]
---
# {name}

A BERT encoder of SMILES: {shape["layers"]} layers, hidden size {shape["hidden_size"]},
{shape["heads"]} attention heads, intermediate size {intermediate}; {record["parameters"]:,}
parameters. Pretrained from scratch by molw2s on unlabelled molecules.

## Use

```python
from molw2s import get_encoder

embeddings = get_encoder("{name}").encode(["CCO", "c1ccccc1"])  # (2, {shape["hidden_size"]})
```

The folder also loads with `AutoModel.from_pretrained` and `AutoTokenizer.from_pretrained`.

## Training

Masked-token prediction ({objectives["masking_rate"]:.0%} of the tokens) plus regression of
quantile-normalised RDKit descriptors from the mean-pooled output (weight
{objectives["descriptor_weight"]:g}); {objectives["random_spelling"]:.0%} of the molecules are
spelled as a random SMILES. AdamW, peak learning rate {settings["learning_rate"]:g}, cosine decay,
{settings["tokens_per_batch"]} tokens a batch, seed {settings["seed"]}.

| corpus | molecules | SHA-256 of the file |
| --- | --- | --- |
{corpus}
After leaving out duplicates, unreadable molecules and those of more than
{tokenization["max_length"]} tokens: {record["molecules"]:,} molecules to train on.

| | |
| --- | --- |
| tokens seen | {record["tokens"]:,} in {record["steps"]:,} steps |
| time | {record["seconds"]:,} s on {record["device"]} |
| held out: masked-token loss, accuracy | {held_out["token_loss"]}, {accuracy} |
| held out: descriptor loss (1 is the mean) | {held_out["descriptor_loss"]} |

```
{record["command"]}
```

`training.json` holds the whole recipe, the losses and the versions.
"""
