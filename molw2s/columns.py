"""Every column of ``records.csv``: what it is called, what it means, and what it may contain.

The file's header, the checks on reading, docs/records.md and whoever explains a number take it
from here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from molw2s.losses import LOSSES

KINDS = ("encoder", "ensemble", "control")
SCHEMA_VERSION = 2
"""Of records and manifest. 1: the columns of molw2s 0.1, which are read as well."""

Kind = Literal["text", "count", "size", "number", "error", "spread", "undefined"]


@dataclass(frozen=True)
class Column:
    """One column of the records, a row being a trial.

    Attributes
    ----------
    name : str
    kind : str
        "text"; "count", a whole number of at least 0; "size", the same or nothing; "number", any
        finite one; "error", a finite one of at least 0; "spread", the same or nothing; "undefined",
        any number or nothing.
    definition : str
    unit : str
        "target" to the power of the loss for what is measured, else empty.
    source : str
        The paper a definition comes from.
    required : bool
        Whether every table of trials has it.
    allowed : tuple of str
        What a text may be; empty where it may be anything.
    """

    name: str
    kind: Kind
    definition: str
    unit: str = ""
    source: str = ""
    required: bool = False
    allowed: tuple[str, ...] = ()


_W2S = "Charikar et al. 2024"
_LOSS = "loss of the target"
_T: Kind = "text"
_C: Kind = "count"
_S: Kind = "size"
_N: Kind = "number"
_E: Kind = "error"
_P: Kind = "spread"
_U: Kind = "undefined"

_TABLE: tuple[Column, ...] = (
    Column("schema_version", _C, "version of this table of columns"),
    Column("trial", _C, "number of the trial, as in predictions.parquet"),
    Column("suite", _T, "name of the suite", required=True),
    Column("dataset", _T, "name of the dataset", required=True),
    Column("unit", _T, "unit of the target", required=True),
    Column("loss", _T, "loss by which the trial is measured", allowed=tuple(LOSSES)),
    Column("weak", _T, "weak encoder, ensemble or control that makes the labels", required=True),
    Column(
        "teacher_kind", _T, '"encoder", "ensemble" of all of them, or "control"', allowed=KINDS
    ),
    Column("weak_hidden_size", _S, "hidden size of the weak encoder", required=True),
    Column("strong", _T, "strong encoder", required=True),
    Column("strong_hidden_size", _S, "hidden size of the strong encoder"),
    Column("chain", _T, "students between teacher and student, first to last"),
    Column("weak_mode", _T, "weak side: head on frozen features, or full or lora finetuning"),
    Column("strong_mode", _T, "strong side: head on frozen features, or full or lora finetuning"),
    Column("weak_head", _T, "what the weak side is fitted with", required=True),
    Column("strong_head", _T, "what the strong side is fitted with", required=True),
    Column("student_selection", _S, "true labels of the validation part that chose penalty, width "
           "or epoch of student and ceiling; nothing where the labels fitted to did"),
    Column("selection_labels", _S, "how many of these were asked for; nothing where all were"),
    Column("kept_labels", _U, "share of the labels that student and ceiling are fitted to, where "
           "it is not all"),
    Column("student_weight", _P, "share of the student in what is measured as its prediction, "
           "where it is averaged with its teacher"),
    Column("weight_selection", _S, "true labels of the validation part that chose student_weight; "
           "nothing where it was given"),
    Column("evaluation", _T, "the part that everything is measured on, where it is not the test "
           "part"),
    Column("finetuning", _T, "settings of the finetuning, as JSON"),
    Column("labels", _T, "label scheme: which molecules the weak model labels", required=True),
    Column("labelled", _U, "share of the training part that has true labels, where the others "
           "have weak ones"),
    Column("split", _T, "name of the split: its kind and seed", required=True),
    Column("seed", _C, "seed of the finetuning, or of a synthetic world"),
    Column("task", _C, "number of the task, of a synthetic world"),
    Column("expected_slope", _N, "1 where gain = misfit is expected, -1 where the sides changed"),
    Column("n_labelled", _C, "points with true labels, which the weak model is fitted to"),
    Column("n_unlabelled", _C, "points with weak labels, which the strong model is fitted to"),
    Column("n_evaluation", _C, "points at which everything is measured"),
    Column("weak_error", _E, "mean loss of the weak model", _LOSS, _W2S, required=True),
    Column(
        "w2s_error", _E, "mean loss of the strong model fitted to weak labels", _LOSS, _W2S,
        required=True,
    ),
    Column(
        "misfit", _E, "mean loss between that student and the weak model", _LOSS, _W2S,
        required=True,
    ),
    Column("gain", _N, "weak_error - w2s_error", _LOSS, _W2S, required=True),
    Column(
        "strong_error", _E, "mean loss of the strong model fitted to true labels: the ceiling",
        _LOSS, _W2S, required=True,
    ),
    Column(
        "weak_error_minus_misfit", _N, "the bound of Theorem 1 on w2s_error", _LOSS, _W2S,
        required=True,
    ),
    Column(
        "gain_minus_misfit", _N, "at least 0 under Theorem 1", _LOSS, _W2S, required=True
    ),
    Column(
        "pgr", _U, "performance gap recovered: gain / (weak_error - strong_error); undefined where "
        "there is no gap", "", "Burns et al. 2023", required=True,
    ),
    Column("label_error", _P, "mean loss of the weak labels themselves, on the unlabelled part",
           _LOSS),
    Column("leak", _U, "1 - label_error / weak_error: what the weak model remembers of the truth"),
    Column("few_labels_error", _P, "in a study: w2s_error of the control \"truth\" on the split, "
           "the strong model fitted to the true labels that the weak one had", _LOSS),
    Column("weak_penalty", _P, "penalty the weak head chose"),
    Column("w2s_penalty", _P, "penalty the student's head chose"),
    Column("strong_penalty", _P, "penalty the ceiling's head chose"),
    Column("weak_error_se", _P, "standard error of weak_error over evaluation points", _LOSS),
    Column("w2s_error_se", _P, "standard error of w2s_error over evaluation points", _LOSS),
    Column("misfit_se", _P, "standard error of misfit over evaluation points", _LOSS),
    Column("gain_minus_misfit_se", _P, "standard error of gain_minus_misfit", _LOSS),
    Column("weak_error_valid", _P, "weak_error on the validation part", _LOSS),
    Column("misfit_valid", _P, "misfit on the validation part", _LOSS),
    Column("weak_error_minus_misfit_valid", _U, "the bound on the validation part", _LOSS),
    Column("weak_auc", _U, "area under the weak model's ROC curve, of classes"),
    Column("w2s_auc", _U, "area under the student's ROC curve"),
    Column("strong_auc", _U, "area under the ceiling's ROC curve"),
    Column("xue_labelled", _P, "energy of the target that the strong representation can learn and "
           "the weak one cannot", "target squared", "Xue et al. 2025"),
    Column("xue_label_free", _P, "the same at the worst target of unit norm", "",
           "Xue et al. 2025"),
    Column("dong_overlap", _P, "overlap of the two representations' main subspaces", "",
           "Dong et al. 2025"),
    Column("weak_loss", _P, "objective reached by a learned weak representation"),
    Column("strong_loss", _P, "objective reached by a learned strong representation"),
    Column("dataset_sha256", _T, "hash of the dataset's file"),
    Column("weak_sha256", _T, "hash of the weak encoder, or of its output"),
    Column("strong_sha256", _T, "hash of the strong encoder, or of its output"),
)  # fmt: skip

COLUMNS = {column.name: column for column in _TABLE}

KEY = ("suite", "dataset", "strong", "weak_head", "strong_head", "labels", "chain", "weak", "split",
       "seed", "task")  # fmt: skip
"""What tells one trial from another, of the columns a table has."""


def columns_page() -> str:
    """The table as Markdown: docs/records.md."""
    lines = [
        "# Columns of records.csv",
        "",
        f"Schema version {SCHEMA_VERSION}; a row is a trial. Errors are means over evaluation "
        "points of a loss, by default the square of a difference: in the target's unit squared.",
        "",
        "| column | kind | unit | definition | source |",
        "| --- | --- | --- | --- | --- |",
    ]
    lines += [
        f"| `{column.name}` | {column.kind} | {column.unit} | {column.definition} | "
        f"{column.source} |"
        for column in _TABLE
    ]
    return "\n".join(lines) + "\n"
