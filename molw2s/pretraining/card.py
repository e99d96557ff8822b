"""The model card: what an encoder is, what it saw, and what it learnt."""

from __future__ import annotations

from typing import Any

from molw2s.encoders.usage import Usage


def model_card(name: str, record: dict[str, Any]) -> str:
    """Markdown with Hugging Face front matter, from the training record alone."""
    recipe = record["recipe"]
    shape, settings = recipe["architecture"], recipe["optimisation"]
    tokenization, objectives = recipe["tokenization"], recipe["objectives"]
    held_out = record["held_out"]
    optimizer = f"AdamW, peak learning rate {settings['learning_rate']:g}"
    if settings["optimizer"] == "muon":
        optimizer = (
            f"Muon for the layers' matrices (peak learning rate "
            f"{settings['muon_learning_rate']:g}), {optimizer} for the rest"
        )
    accuracy = f"{held_out['token_accuracy']:.1%}"
    pooled = {"mean": "the mean over the last layer's tokens", "cls": "the last layer's [CLS]"}[
        objectives["descriptor_pooling"]
    ]
    corpus = "".join(
        f"| {'BRICS fragments of ' * part['fragments']}{source['name']} "
        f"| {source['molecules']:,} | `{source['sha256']}` |\n"
        for part, source in zip(recipe["corpus"], record["corpus"])
    )
    occurring = ", ".join(
        f"{seen:,} of {name}'s {total:,}"
        for name, (seen, total) in record["benchmark_molecules"].items()
    )
    readout = Usage.model_validate(recipe["readout"])
    width = readout.width(shape["hidden_size"])
    layers = ", ".join(map(str, readout.layers))
    since = " (after the last of its interruptions)" * record["resumed"]
    speed = "".join(
        f"| speed | {each['tokens_per_second']:,} tokens/s, {each['tflops']} TFLOP/s: "
        f"{each['share_of_peak']:.0%} of {each['peak_tflops']} in {record['precision']} |\n"
        for each in record["speed"]
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

embeddings = get_encoder("{name}").encode(["CCO", "c1ccccc1"])  # (2, {width})
```

Read from hidden states {layers} (0 is the embedding layer, -1 the last), pooling
"{readout.pooling}".

The folder also loads with `AutoModel.from_pretrained` and `AutoTokenizer.from_pretrained`.

## Training

Masked tokens ({objectives["masking_rate"]:.0%} of the tokens, in
{objectives["masked_share"]:.0%} of the molecules). The other molecules are seen whole and ask each
atom's token for its charge, EState index and contributions to logP and refractivity (weight
{objectives["atom_weight"]:g}), and {pooled} for groups of standardised
RDKit descriptors (weight {objectives["descriptor_weight"]:g}). {objectives["spellings"]} spellings
a molecule, the canonical one and random ones. {optimizer}.
{settings["tokens_per_batch"]} tokens a batch, linear warm-up and decay, seed {settings["seed"]}.

| corpus | molecules | SHA-256 of the file |
| --- | --- | --- |
{corpus}
After leaving out duplicates, unreadable molecules and those of more than
{tokenization["max_length"]} tokens: {record["molecules"]:,} molecules to train on. The corpus
holds, without their measured values, {occurring} distinct
molecules.

| | |
| --- | --- |
| tokens seen | {record["tokens"]:,} in {record["steps"]:,} steps |
| time | {record["seconds"]:,} s on {record["device"]}{since} |
{speed}| held out: masked-token loss, accuracy | {held_out["token_loss"]}, {accuracy} |
| held out: atom loss (1 is the mean) | {held_out["atom_loss"]} |
| held out: descriptor loss (1 is the mean) | {held_out["descriptor_loss"]} |

```
{record["command"]}
```

`training.json` holds the whole recipe, the losses and the versions.
"""
