"""From records, manifests and predictions to a page."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from molw2s.analysis.diagonal import has_tasks
from molw2s.analysis.molecules import gain_over_molecules
from molw2s.analysis.study import COMBINATION, combination_table, combine
from molw2s.analysis.summary import encoders_only
from molw2s.errors import InvalidInput
from molw2s.losses import LOSSES
from molw2s.report.page.claim import claim_of_run, claim_of_study
from molw2s.report.page.dots import dots_of, ratios_of
from molw2s.report.page.facts import command_of, facts_of, tags_of
from molw2s.report.page.molecules import Album, molecules_of
from molw2s.report.page.parts import Facts, Json, Page, Source
from molw2s.report.page.tables import tables_of_run, tables_of_study
from molw2s.report.text import loss_unit

_DRAWN_FOR = 8  # combinations of a comparison whose molecules are shown


def page_of(sources: Sequence[Source]) -> Page:
    """One run's page; of several, or of a study's records, one that sets combinations side by side.

    Raises
    ------
    InvalidInput
        If several do not go together (``combine``), or not every teacher was tried on every split.
    """
    if not sources:
        raise InvalidInput("name one run, or several to set side by side")
    if len(sources) == 1 and is_run(sources[0].records):
        return _page_of_run(sources[0])
    return _page_of_many(sources)


def is_run(records: pd.DataFrame) -> bool:
    """Whether the records are of one combination, as a run's are and a study's are not."""
    if has_tasks(records):
        return True
    names = ["dataset", "strong", "labels", "weak_head", "strong_head", "weak_mode", "strong_mode"]
    teachers = encoders_only(records)
    known = [name for name in names if name in teachers]
    return len(teachers[known].drop_duplicates()) == 1 and "weak_side" not in records


def _page_of_run(source: Source) -> Page:
    records, manifest = source.records, source.manifest
    album, predictions = Album(), _tested(source)
    group = dots_of(records, str(records["suite"].iloc[0]))
    molecules = None
    _add_molecules(group, source, album)
    if predictions is not None:
        loss = LOSSES[str(records["loss"].iloc[0])]
        molecules = gain_over_molecules(predictions, records, loss)
    return Page(
        kind="run",
        title=str(records["suite"].iloc[0]),
        claim=claim_of_run(records),
        tags=tags_of(records),
        data={"groups": [group], "ratios": None, **album.data()},
        tables=tuple(tables_of_run(records, molecules)),
        facts=tuple(facts_of(manifest)),
        command=command_of(manifest),
    )


def _tested(source: Source) -> pd.DataFrame | None:
    """What was predicted for molecules of the test part; None where that is not known."""
    predictions = source.predictions
    if predictions is None or has_tasks(source.records) or "trial" not in source.records:
        return None
    return predictions[predictions["part"] == "evaluation"]


def _add_molecules(group: Json, source: Source, album: Album) -> None:
    """To a chart's data, or why there are none."""
    predictions = _tested(source)
    if predictions is not None:
        teachers = [series["name"] for series in group["series"]]
        group["molecules"] = molecules_of(source.records, predictions, teachers, album)
    elif not has_tasks(source.records):
        group["why"] = "No molecules are shown, as no predictions are at hand."


def _page_of_many(sources: Sequence[Source]) -> Page:
    trials = combine(source.records for source in sources)
    table = combination_table(trials)
    groups: list[Json] = []
    album = Album()
    names = [name for name in COMBINATION[1:] if table[name].nunique() > 1]
    kinds = [" · ".join(map(str, row)) for row in table[names].itertuples(index=False)]
    datasets = [str(name) for name in table["dataset"]]
    keys = [_key_of(source.records) for source in sources]
    for (key, rows), kind in zip(trials.groupby(COMBINATION, sort=False), kinds):
        title = " · ".join(filter(None, (str(key[0]), kind)))
        groups.append(group := dots_of(rows, title, len(table)))
        if len(groups) > _DRAWN_FOR:
            group["why"] = f"Molecules are shown of the first {_DRAWN_FOR} combinations."
        elif keys.count(key) > 1:
            group["why"] = "Several runs are of this combination; the page of each has molecules."
        else:
            whole = sources[keys.index(key)] if key in keys else Source(rows)
            _add_molecules(group, whole, album)
    units = {str(name): loss_unit(rows) for name, rows in trials.groupby("dataset", sort=False)}
    count = {name: trials[name].nunique() for name in ("dataset", "weak")}
    study = len(sources) == 1
    return Page(
        kind="study" if study else "comparison",
        title="Study" if study else " / ".join(dict.fromkeys(
            str(source.records["suite"].iloc[0]) for source in sources)),
        claim=claim_of_study(table, units),
        tags=(
            f"{len(table)} combinations", f"{count['dataset']} datasets",
            f"{count['weak']} teachers", f"{len(trials):,} trials",
        ),
        data={
            "groups": groups,
            "ratios": ratios_of(table, datasets, kinds),
            **album.data(),
        },
        tables=tuple(tables_of_study(trials, table)),
        facts=tuple(_facts_of_many(sources)),
        command="\n".join(filter(None, (command_of(source.manifest) for source in sources))),
    )  # fmt: skip


def _key_of(records: pd.DataFrame) -> tuple[str, ...] | None:
    """A run's combination; None where its trials are of several."""
    found = combine([records])[COMBINATION].drop_duplicates()
    return tuple(found.iloc[0]) if len(found) == 1 else None


def _facts_of_many(sources: Sequence[Source]) -> list[Facts]:
    return [
        Facts(f"{source.manifest['suite'].get('name', 'suite')}: {facts.title}", facts.rows)
        for source in sources
        for facts in facts_of(source.manifest)
    ]
